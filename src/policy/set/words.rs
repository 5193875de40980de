//! The words of the sets. `a_b` are words one after the other, `*a*` stands anywhere, `=a` is the whole name; what is
//! not ASCII stands anywhere.
//!
//! Left out on purpose, because they name something else as often: `name` outside of tables of people, keys (`user_id`:
//! joins need them), free texts (`memo`, `note`, 備考: they may hold anything, so deny them), places as large as a city,
//! ages, and names of companies.

/// One kind of data.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) english: &'static str,
    /// In Japanese scripts and in the spellings of romaji that people use.
    pub(super) japanese: &'static str,
}

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "email",
        english: "*email* e_mail mail mails *mailaddress* *mailaddr*",
        japanese: "メール ﾒｰﾙ メアド ﾒｱﾄﾞ めーる 電子メイル meado meeru",
    },
    Kind {
        name: "phone",
        english: "*phone* tel tels telno *telnumber* mobile mobiles cell_number fax faxno msisdn landline",
        japanese: "電話 でんわ デンワ ﾃﾞﾝﾜ 携帯 けいたい ケータイ ファックス ファクス ﾌｧｯｸｽ *denwa* keitai keitaibango",
    },
    Kind {
        name: "person-name",
        english: "first_name *firstname* last_name *lastname* middle_name *middlename* given_name *givenname* \
                  family_name *familyname* *surname* full_name *fullname* real_name *realname* maiden_name *maidenname* \
                  nick_name *nickname* screen_name *screenname* user_name *username* customer_name member_name \
                  person_name contact_name staff_name employee_name client_name patient_name student_name owner_name \
                  author_name recipient recipient_name sender_name holder_name signature fname lname",
        japanese: "氏名 姓名 名前 なまえ 本名 旧姓 苗字 名字 =姓 =名 =氏 =セイ =メイ =せい =めい =ｾｲ =ﾒｲ フリガナ ふりがな \
                   ﾌﾘｶﾞﾅ 読み仮名 読みがな よみがな ヨミガナ 読み方 =カナ =かな =ｶﾅ 宛名 会員名 顧客名 社員名 従業員名 \
                   担当者名 利用者名 契約者名 申込者名 患者名 受取人 差出人 ユーザー名 ユーザ名 ニックネーム shimei simei \
                   namae onamae sei mei seimei kana furigana hurigana yomi yomigana myoji myouji honmyo honmyou kyusei \
                   atena",
    },
    Kind {
        name: "address",
        english: "*address* addr addrs street streets *postcode* post_code *postalcode* postal_code zip zips *zipcode* \
                  house_number apartment",
        japanese: "住所 じゅうしょ 番地 郵便番号 〒 居住地 届け先 届先 送り先 町名 丁目 建物名 jusho jyusho juusho jyuusho \
                   jusyo juusyo jyusyo jyuusyo zyusyo banchi *yubin* *yuubin*",
    },
    Kind {
        name: "location",
        english: "latitude longitude lat lng lon gps *geolocation* geohash coordinates",
        japanese: "緯度 経度 位置情報 現在地",
    },
    Kind {
        name: "birth",
        english: "*birth* dob bday",
        japanese: "生年月日 誕生日 誕生年 生まれ 生年 seinengappi seinengapi seinen_gappi tanjobi tanjoubi tanjyobi \
                   tanjyoubi tanzyobi",
    },
    Kind {
        name: "identity-number",
        english: "ssn social_security *passport* driver_license drivers_license driver_licence driving_licence \
                  driving_license national_id national_insurance tax_id personal_number id_card my_number *mynumber* \
                  health_insurance insurance_number insured_number",
        japanese: "マイナンバー ﾏｲﾅﾝﾊﾞｰ 個人番号 免許 旅券 パスポート ﾊﾟｽﾎﾟｰﾄ 保険証 被保険者 年金番号 在留カード 住民票 \
                   kojinbango menkyo ryoken hokensho hokensyo",
    },
    Kind {
        name: "payment",
        english: "credit_card *creditcard* card_number *cardnumber* card_no cardno card_holder *cardholder* cvv cvv2 \
                  cvc iban bic swift account_number account_no bank_account *bankaccount* routing_number sort_code",
        japanese: "口座 クレジット ｸﾚｼﾞｯﾄ カード番号 ｶｰﾄﾞ番号 カード名義 名義人 koza kouza",
    },
    Kind {
        name: "credential",
        english: "*password* *passwd* pwd passcode passphrase secret token tokens api_key *apikey* private_key otp pin \
                  salt recovery_code security_answer",
        japanese: "パスワード ﾊﾟｽﾜｰﾄﾞ 暗証番号 秘密の質問 合言葉 anshobango ansyobango",
    },
    Kind {
        name: "online",
        english: "ip ips *ipaddr* ipv4 ipv6 ipv remote_addr remote_host user_agent *useragent* cookie cookies \
                  session_id device_id *deviceid* advertising_id idfa idfv gaid aaid imei imsi mac_address fingerprint \
                  line_id line_user_id twitter facebook instagram skype",
        japanese: "*ipアドレス* 端末id 端末番号 クッキー ｸｯｷｰ ユーザーエージェント",
    },
    Kind {
        name: "trait",
        english: "gender sex nationality ethnicity religion marital_status blood_type disability diagnosis salary \
                  salaries income wage wages avatar portrait face_image profile_image profile_photo",
        japanese: "性別 国籍 本籍 宗教 血液型 婚姻 配偶者 障害者 障がい 病歴 既往歴 診断 顔写真 給与 給料 年収 所得 seibetsu \
                   seibetu kokuseki honseki ketsuekigata shukyo",
    },
];

/// Last words of the names of tables that hold people.
pub(super) const PEOPLE: &str = "user users customer customers member members employee employees staff staffs person \
    persons people contact contacts client clients patient patients student students teacher teachers guest guests \
    candidate candidates applicant applicants subscriber subscribers visitor visitors passenger passengers resident \
    residents donor donors recipient recipients profile profiles owner owners author authors kaiin kokyaku shain syain \
    juugyouin jugyoin kanja";

/// The same in Japanese scripts.
pub(super) const PEOPLE_IN_JAPANESE: &str =
    "ユーザー ユーザ 会員 顧客 社員 従業員 職員 患者 利用者 担当者 契約者 応募者 生徒 学生 個人";

/// What may stand behind them.
pub(super) const TABLE_SUFFIXES: &[&str] = &["マスター", "マスタ", "テーブル", "情報", "一覧"];
