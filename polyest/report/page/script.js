"use strict";
(() => {
  const { prompts } = JSON.parse(document.getElementById("data").textContent);
  const names = Object.keys(prompts.columns);
  const isNumber = Object.fromEntries(names.map(name => [name, prompts.columns[name].every(v => v === null || typeof v === "number")]));
  const rows = prompts.answers.map((_, i) => i);
  const table = document.getElementById("prompts");
  const [head, body] = [table.tHead.rows[0], table.tBodies[0]];
  const [filter, count, more] = ["filter", "count", "more"].map(id => document.getElementById(id));
  const PAGE = 50;
  let sorted = { name: "collapse_rank", down: false }, shown = PAGE, matching = rows;

  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const written = value => value === null ? "–" : typeof value === "number" ? String(value).replace("-", "−") : value;

  for (const name of names) {
    const cell = element("th", undefined, isNumber[name] ? "number" : ""), button = element("button", name.replaceAll("_", " "));
    button.type = "button";
    button.addEventListener("click", () => {
      sorted = { name, down: sorted.name === name && !sorted.down };
      draw();
    });
    cell.dataset.name = name;
    cell.append(button);
    head.append(cell);
  }

  const comparison = text => {
    const found = /^\s*([\w ]+?)\s*(<=|>=|=|<|>)\s*(-?[\d.]+)\s*$/.exec(text);
    const name = found && names.find(one => isNumber[one] && one === found[1].replaceAll(" ", "_"));
    if (!name) return null;
    const column = prompts.columns[name], number = Number(found[3]);
    const test = { "<": v => v < number, ">": v => v > number, "<=": v => v <= number, ">=": v => v >= number, "=": v => v === number }[found[2]];
    return i => column[i] !== null && test(column[i]);
  };
  const containing = text => {
    const wanted = text.trim().toLowerCase(), words = names.filter(name => !isNumber[name]);
    return i => words.some(name => prompts.columns[name][i].toLowerCase().includes(wanted));
  };

  const bars = i => {
    const box = element("div", undefined, "bars"), answers = prompts.answers[i];
    const all = answers.reduce((sum, [, n]) => sum + n, 0);
    for (const [answer, n, right] of answers) {
      const track = element("div", undefined, "track"), bar = element("div", undefined, right === null ? "bar rest" : right > 0.5 ? "bar right" : "bar");
      bar.style.width = `${100 * n / all}%`;
      track.append(bar);
      box.append(element("div", answer, "answer"), track, element("div", `${n} of ${all}${right === null ? "" : right > 0.5 ? ", correct" : right > 0 ? ", partly correct" : ""}`));
    }
    return box;
  };
  const opened = (row, i) => {
    const next = row.nextElementSibling;
    if (next && next.classList.contains("answers")) return void (next.remove(), row.classList.remove("open"));
    const line = element("tr", undefined, "answers"), cell = element("td");
    cell.colSpan = names.length;
    const visits = prompts.visits[i];
    if (prompts.last_step && visits > 1) cell.append(element("div", `its answers at step ${prompts.last_step[i]}, the last of ${visits}; the numbers above are means over all`, "note"));
    cell.append(bars(i));
    line.append(cell);
    row.classList.add("open");
    row.after(line);
  };

  const line = i => {
    const row = element("tr");
    for (const name of names) {
      const value = prompts.columns[name][i];
      const cell = element("td", undefined, isNumber[name] ? "number" : "text");
      if (name === names[0]) {
        const button = element("button", written(value) || "(empty)");
        button.type = "button";
        button.addEventListener("click", () => opened(row, i));
        cell.append(button);
      } else cell.textContent = written(value);
      row.append(cell);
    }
    return row;
  };
  const compare = (a, b) => {
    const column = prompts.columns[sorted.name], [x, y] = [column[a], column[b]];
    if (x === null || y === null) return (x === null) - (y === null);
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
    return (sorted.down ? -order : order) || a - b;
  };
  const draw = () => {
    const text = filter.value;
    matching = text.trim() ? rows.filter(comparison(text) || containing(text)) : [...rows];
    matching.sort(compare);
    body.replaceChildren(...matching.slice(0, shown).map(line));
    count.textContent = `${matching.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} prompts`;
    more.hidden = matching.length <= shown;
    for (const cell of head.cells) {
      if (cell.dataset.name === sorted.name) cell.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  };
  filter.addEventListener("input", () => { shown = PAGE; draw(); });
  more.addEventListener("click", () => { shown += 5 * PAGE; draw(); });
  if (prompts.all > rows.length)
    document.getElementById("more-prompts").textContent = ` Here are the ${rows.length.toLocaleString("en")} of ${prompts.all.toLocaleString("en")} at the two ends of that order; polyest score --by prompt --csv FILE has all.`;
  draw();
})();
