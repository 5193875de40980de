
"use strict";
// The page is whole without this: it sorts and filters the table of tables, and copies the command.
(() => {
  const at = (id) => document.getElementById(id);

  const copy = at("copy");
  if (copy) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const command = at("command");
      let done = false;
      try {
        await navigator.clipboard.writeText(command.textContent);
        done = true;
      } catch {
        // Without a secure connection there is only the old way.
        getSelection().selectAllChildren(command);
        done = document.execCommand("copy");
      }
      at("copied").textContent = done ? "Copied" : "Marked: copy it with your keyboard";
    });
  }

  const table = at("tables");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({
    row,
    name: (row.cells[0].textContent + " " + row.cells[7].textContent).toLowerCase(),
    state: row.className,
  }));

  const words = new Intl.Collator(undefined, { numeric: true });
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column, isNumber, sign) => {
    const value = ({ row }) => {
      const cell = row.cells[column];
      return isNumber ? Number(cell.dataset.v ?? NaN) : cell.textContent;
    };
    const keyed = rows.map((one) => [value(one), one]);
    keyed.sort(([a], [b]) => {
      if (!isNumber) return sign * words.compare(a, b);
      // What has no figure comes last, whichever way.
      if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
      return sign * (a - b);
    });
    body.append(...keyed.map(([, one]) => one.row));
  };
  heads.forEach((head, column) => {
    const isNumber = head.className === "number";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      // Of figures the largest are looked for first, of words the first.
      const first = isNumber ? "descending" : "ascending";
      const other = isNumber ? "ascending" : "descending";
      const way = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", way);
      sort(column, isNumber, way === "ascending" ? 1 : -1);
    });
  });

  const [name, state, shown] = [at("name"), at("state"), at("shown")];
  for (const word of [...new Set(rows.map((one) => one.state))].sort()) {
    state.add(new Option(word, word));
  }
  const filter = () => {
    const wanted = name.value.trim().toLowerCase();
    let count = 0;
    for (const one of rows) {
      const fits = one.name.includes(wanted) && (!state.value || one.state === state.value);
      one.row.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };
  name.addEventListener("input", filter);
  state.addEventListener("change", filter);
  at("filter").hidden = false;
  filter();
})();
