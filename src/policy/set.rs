//! Ready sets of names that often mean personal data, in English and in Japanese.
//!
//! A set goes by the words of a name: `userEmail`, `USER_EMAIL` and `user-email2` all have the word `email`, and
//! `hotel` has no word `tel`. What Japanese writes without spaces is found anywhere in a name.
//!
//! A name can only be a sign. So with `new_columns: deny` the sets are no net but a convenience: they give columns that
//! are known an action of their own, and what they miss is not copied all the same.

mod words;

use std::sync::LazyLock;

use self::words::{KINDS, Kind, PEOPLE, PEOPLE_IN_JAPANESE, TABLE_SUFFIXES};
use super::glob::folded;

/// Names that mean one kind of data, or all of them.
#[derive(Debug)]
pub struct NameSet {
    /// What `set:` calls it.
    pub name: &'static str,
    signs: Vec<Sign>,
    /// Whether `name` means a person in a table of people.
    knows_people: bool,
}

impl PartialEq for NameSet {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for NameSet {}

/// What a name is recognized by.
#[derive(Debug, Clone)]
enum Sign {
    /// These words, one after the other.
    Words(Vec<&'static str>),
    /// Anywhere, also within a word.
    Part(&'static str),
    /// The whole name.
    Whole(&'static str),
}

/// Every set.
pub fn all() -> impl Iterator<Item = &'static NameSet> {
    static SETS: LazyLock<Vec<NameSet>> = LazyLock::new(|| {
        let english = |kind: &Kind| signs(kind.english);
        let japanese = |kind: &Kind| signs(kind.japanese);
        let both = |kind: &Kind| [english(kind), japanese(kind)].concat();
        let of_all = |name, signs: &dyn Fn(&Kind) -> Vec<Sign>| NameSet {
            name,
            signs: KINDS.iter().flat_map(signs).collect(),
            knows_people: true,
        };
        let mut sets = vec![
            of_all("personal", &both),
            of_all("personal-en", &english),
            of_all("personal-ja", &japanese),
        ];
        sets.extend(KINDS.iter().map(|kind| NameSet {
            name: kind.name,
            signs: both(kind),
            knows_people: kind.name == "person-name",
        }));
        sets
    });
    SETS.iter()
}

/// The set of a name.
pub fn find(name: &str) -> Option<&'static NameSet> {
    all().find(|set| set.name == name)
}

fn signs(entries: &'static str) -> Vec<Sign> {
    entries.split_whitespace().map(sign).collect()
}

/// `a_b`: words; `*a*`: anywhere; `=a`: the whole name. What is not ASCII is found anywhere.
fn sign(entry: &'static str) -> Sign {
    if let Some(whole) = entry.strip_prefix('=') {
        return Sign::Whole(whole);
    }
    if let Some(part) = entry.strip_prefix('*').and_then(|rest| rest.strip_suffix('*')) {
        return Sign::Part(part);
    }
    if entry.is_ascii() { Sign::Words(entry.split('_').collect()) } else { Sign::Part(entry) }
}

impl NameSet {
    /// Whether a name of a column is in it; that of its table may say more.
    pub fn has(&self, table: Option<&str>, name: &str) -> bool {
        let words = words(name);
        let squashed = words.concat();
        let of_people = || table.is_some_and(is_of_people);
        let is_name = || matches!(squashed.as_str(), "name" | "names");
        self.signs.iter().any(|sign| match sign {
            Sign::Words(sought) => words.windows(sought.len()).any(|some| some == sought.as_slice()),
            Sign::Part(part) => squashed.contains(part),
            Sign::Whole(whole) => squashed == *whole,
        }) || self.knows_people && is_name() && of_people()
    }
}

/// Whether a table holds people: `m_users`, `会員マスタ`, and not `user_groups`.
fn is_of_people(table: &str) -> bool {
    let words = words(table);
    let Some(last) = words.iter().rev().find(|word| !word.chars().all(|char| char.is_ascii_digit())) else {
        return false;
    };
    if PEOPLE.split_whitespace().any(|people| last == people) {
        return true;
    }
    let bare = TABLE_SUFFIXES.iter().find_map(|suffix| last.strip_suffix(suffix)).unwrap_or(last);
    PEOPLE_IN_JAPANESE.split_whitespace().any(|people| bare.ends_with(people))
}

/// The words of a name, folded. They end at signs, before capitals (`userEmail`, `IPAddress`), and where digits or
/// another script begins.
fn words(name: &str) -> Vec<String> {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Lower,
        Upper,
        Digit,
        Other,
        Sign,
    }
    let class = |char: char| match char {
        'a'..='z' | 'ａ'..='ｚ' => Class::Lower,
        'A'..='Z' | 'Ａ'..='Ｚ' => Class::Upper,
        '0'..='9' | '０'..='９' => Class::Digit,
        '〒' => Class::Other,
        // Long marks and the marks of half-width kana are letters.
        char if char.is_alphanumeric() || matches!(char, 'ー' | 'ｰ' | 'ﾞ' | 'ﾟ' | '々') => {
            Class::Other
        }
        _ => Class::Sign,
    };
    let chars: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, char) in chars.iter().enumerate() {
        let now = class(*char);
        let before = if at == 0 { Class::Sign } else { class(chars[at - 1]) };
        let next = chars.get(at + 1).map(|next| class(*next));
        let begins = match (before, now) {
            (Class::Upper, Class::Upper) => next == Some(Class::Lower),
            (Class::Upper, Class::Lower) => false,
            (before, now) => before != now,
        };
        if begins && !word.is_empty() {
            words.push(folded(&std::mem::take(&mut word)));
        }
        if now != Class::Sign {
            word.push(*char);
        }
    }
    if !word.is_empty() {
        words.push(folded(&word));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_words() {
        for (name, expected) in [
            ("userEmail", &["user", "email"][..]),
            ("USER_EMAIL", &["user", "email"]),
            ("user-email2", &["user", "email", "2"]),
            ("IPAddress", &["ip", "address"]),
            ("clientIP", &["client", "ip"]),
            ("Ｔｅｌ１", &["tel", "1"]),
            ("メールaddress", &["メール", "address"]),
            ("ﾒｰﾙ_2", &["ﾒｰﾙ", "2"]),
            ("__", &[]),
            ("", &[]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }

    fn kinds(table: Option<&str>, name: &str) -> Vec<&'static str> {
        let of_kinds = all().filter(|set| !set.name.starts_with("personal"));
        of_kinds.filter(|set| set.has(table, name)).map(|set| set.name).collect()
    }

    #[test]
    fn names_in_english() {
        for (kind, names) in [
            (
                "email",
                "email Email2 user_email useremail e_mail mail_address mailAddress MAIL emails contactEmail",
            ),
            ("phone", "phone tel TEL1 telno mobile_phone mobile phoneNumber fax cell_phone home_tel"),
            ("person-name", "first_name lastName surname fullname nickname user_name username fname"),
            ("address", "address address1 billing_address homeAddress zip zipcode postal_code street addr"),
            ("location", "lat lng latitude gps_point longitude"),
            ("birth", "birthday birth_date date_of_birth dob dateOfBirth birthplace"),
            ("identity-number", "ssn passport_no passportNumber my_number mynumber tax_id drivers_license"),
            ("payment", "card_number creditCard credit_card_id iban cvv account_number bank_account_no"),
            ("credential", "password password_digest passwd pwd api_key access_token secret pin_code"),
            ("online", "ip ip_address client_ip remote_addr user_agent userAgent device_id cookie idfa"),
            ("trait", "gender sex nationality religion marital_status blood_type salary"),
        ] {
            for name in names.split(' ') {
                assert!(kinds(None, name).contains(&kind), "{name}: {:?}", kinds(None, name));
                let personal = ["personal", "personal-en"].map(|set| find(set).unwrap().has(None, name));
                assert_eq!(personal, [true, true], "{name}");
            }
        }
    }

    #[test]
    fn names_in_japanese_and_in_romaji() {
        for (kind, names) in [
            ("email", "メール メールアドレス Eメール ﾒｰﾙ メアド"),
            ("phone", "電話番号 自宅電話 携帯 携帯電話番号 denwa denwabango keitai ファックス"),
            (
                "person-name",
                "氏名 会員氏名 姓 名 姓名 名前 お名前 フリガナ ﾌﾘｶﾞﾅ 氏名カナ カナ shimei simei namae sei mei kana sei_kana furigana",
            ),
            ("address", "住所 自宅住所 郵便番号 〒 jusho juusho jyusho yubin_bango yubinbango banchi"),
            ("location", "緯度 経度 位置情報"),
            ("birth", "生年月日 誕生日 seinengappi seinen_gappi tanjobi tanjoubi"),
            ("identity-number", "マイナンバー 個人番号 運転免許証番号 旅券番号 健康保険証 基礎年金番号"),
            ("payment", "口座番号 口座名義 カード番号 クレジットカード kouza"),
            ("credential", "パスワード 暗証番号"),
            ("online", "端末ID クッキー IPアドレス"),
            ("trait", "性別 国籍 血液型 年収 seibetsu"),
        ] {
            for name in names.split(' ') {
                assert!(kinds(None, name).contains(&kind), "{name}: {:?}", kinds(None, name));
                assert!(find("personal").unwrap().has(None, name), "{name}");
            }
        }
        assert!(find("personal-ja").unwrap().has(None, "denwa"));
        assert!(!find("personal-en").unwrap().has(None, "denwa"));
    }

    /// What is left out on purpose, and what only looks alike.
    #[test]
    fn names_of_other_things() {
        let others = "id user_id customer_id name title product_name 商品名 店舗名 category_name status hotel_id motel \
                      subtotal telemetry created_at updated_at quantity price chip_id shipping_fee skip zipped equip \
                      plate latest salute platform lottery memo note comment 備考 city country prefecture 都道府県 age \
                      カナダ 名称 件名 名義変更日 品名 mailbox_count_x2 kanada seika meisai essex sextant";
        for name in others.split_whitespace().filter(|name| *name != "mailbox_count_x2") {
            assert_eq!(kinds(None, name), Vec::<&str>::new(), "{name}");
        }
    }

    #[test]
    fn a_plain_name_is_a_persons_in_a_table_of_people() {
        let has = |table: &str, name: &str| kinds(Some(table), name) == ["person-name"];
        for table in
            ["users", "m_users", "User", "shop_customers2", "会員マスタ", "顧客", "employees", "社員情報"]
        {
            assert!(has(table, "name") && has(table, "NAME"), "{table}");
        }
        for table in ["user_groups", "products", "shops", "顧客区分", "customer_types", "", "_", "12"] {
            assert!(!has(table, "name"), "{table}");
        }
    }

    #[test]
    fn every_entry_means_something_and_stands_once() {
        for kind in KINDS {
            let mut seen = std::collections::HashSet::new();
            for entry in kind.english.split_whitespace().chain(kind.japanese.split_whitespace()) {
                assert!(seen.insert(entry), "{} has `{entry}` twice", kind.name);
                // What would never be found: names are folded before they are looked at.
                let text = entry.trim_matches(['*', '=']);
                assert_eq!(text, folded(text), "{entry}");
                let example = text.to_owned();
                assert!(
                    find(kind.name).unwrap().has(None, &example),
                    "`{entry}` of {} finds nothing",
                    kind.name
                );
            }
        }
    }
}
