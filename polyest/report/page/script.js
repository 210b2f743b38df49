"use strict";
(() => {
  const { prompts, figures } = JSON.parse(document.getElementById("data").textContent);
  const names = Object.keys(prompts.columns);
  const isNumber = Object.fromEntries(names.map(name => [name, prompts.columns[name].every(v => v === null || typeof v === "number")]));
  const rows = prompts.answers.map((_, i) => i);
  const table = document.getElementById("prompts");
  const [head, body] = [table.tHead.rows[0], table.tBodies[0]];
  const [filter, count, more] = ["filter", "count", "more"].map(id => document.getElementById(id));
  const PAGE = 50;
  let sorted = { name: "collapse_rank", down: false }, shown = PAGE, matching = rows;

  const isLive = document.querySelector('meta[http-equiv="refresh"]') !== null;
  const remember = () => { if (isLive) try { sessionStorage.polyest = JSON.stringify([filter.value, sorted]); } catch { /* not allowed here */ } };
  const recall = () => {
    if (isLive) try {
      const [text, order] = JSON.parse(sessionStorage.polyest);
      if (names.includes(order.name)) [filter.value, sorted] = [text, order];
    } catch { /* nothing there */ }
  };

  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const minus = text => text.replaceAll("-", "−");
  const written = value => value === null ? "–" : typeof value === "number" ? minus(String(value)) : value;

  const estimate = (y, reach, [least, most]) => {
    if (!(reach > 1e-12 * Math.abs(y))) return minus(String(Number(y.toPrecision(4))));
    const digits = Math.min(Math.max(1 - Math.floor(Math.log10(reach)), 0), 9);
    const low = Math.min(y, Math.max(y - reach, least ?? -Infinity)), high = Math.max(y, Math.min(y + reach, most ?? Infinity));
    return minus(`${y.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`);
  };
  const readable = (plot, figure, number) => {
    const { box, xlim, ylim, within, shifts, curves } = figure;
    const scale = figure.is_log ? Math.log2 : x => x;
    const part = (value, [low, high]) => (value - low) / (high - low);
    const across = x => box[0] + (box[2] - box[0]) * part(scale(x), xlim.map(scale));
    const down = y => box[3] - (box[3] - box[1]) * part(y, ylim);
    const places = [...new Set(curves.flatMap(curve => curve.x))].sort((a, b) => a - b);
    const name = x => `${figure.axis === "steps in order" ? "step" : figure.axis} ${figure.names ? figure.names[x] : x}`;
    const line = element("div", undefined, "line"), values = element("div", undefined, "values");
    const found = x => curves.flatMap((curve, number) => {
      const i = curve.x.indexOf(x);
      return i < 0 ? [] : [{ curve, drawn: x * shifts[number], y: curve.y[i], text: estimate(curve.y[i], curve.reach[i], within) }];
    });
    let at = null;

    const hide = () => {
      at = null;
      for (const old of plot.querySelectorAll(".line, .values, .dot")) old.remove();
    };
    const show = next => {
      at = Math.min(Math.max(next, 0), places.length - 1);
      const x = places[at], read = found(x);
      line.style.left = `${100 * across(x)}%`;
      line.style.top = `${100 * box[1]}%`;
      line.style.height = `${100 * (box[3] - box[1])}%`;
      for (const old of plot.querySelectorAll(".dot")) old.remove();
      const dots = read.map(({ curve, drawn, y }) => {
        const dot = element("div", undefined, `dot run${curve.colour}`);
        dot.style.left = `${100 * across(drawn)}%`;
        dot.style.top = `${100 * down(y)}%`;
        return dot;
      });
      values.replaceChildren(element("div", name(x), "place"), ...read.map(({ curve, text }) => {
        const row = element("div", undefined, "value");
        row.append(element("span", undefined, `swatch run${curve.colour}`), element("span", text, "estimate"), element("bdi", curve.label));
        return row;
      }));
      plot.append(line, ...dots, values);
      plot.setAttribute("aria-valuenow", at);
      plot.setAttribute("aria-valuetext", [name(x), ...read.map(({ curve, text }) => `${curve.label} ${text}`.trim())].join("; "));
    };
    const pointed = event => {
      const { left, width } = plot.getBoundingClientRect(), wanted = (event.clientX - left) / width;
      const far = places.map(x => Math.abs(across(x) - wanted));
      show(far.indexOf(Math.min(...far)));
    };
    const keys = { ArrowRight: () => at + 1, ArrowUp: () => at + 1, ArrowLeft: () => at - 1, ArrowDown: () => at - 1, Home: () => 0, End: () => places.length - 1, PageUp: () => at + 10, PageDown: () => at - 10 };

    for (const [attribute, value] of Object.entries({ role: "slider", tabindex: 0, "aria-label": `${figure.title}, values`, "aria-describedby": `words${number}`, "aria-valuemin": 0, "aria-valuemax": places.length - 1, "aria-valuenow": places.length - 1, "aria-valuetext": name(places.at(-1)) }))
      plot.setAttribute(attribute, value);
    plot.addEventListener("pointermove", pointed);
    plot.addEventListener("pointerdown", pointed);
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("focus", () => at === null && show(places.length - 1));
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", event => {
      if (event.key === "Escape") hide();
      else if (event.key in keys) {
        event.preventDefault();
        show(at === null ? places.length - 1 : keys[event.key]());
      }
    });
  };
  document.querySelectorAll(".plot").forEach((plot, i) => readable(plot, figures[i], i));

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
      const name = element("div", answer, "answer");
      name.dir = "auto";
      box.append(name, track, element("div", `${n} of ${all}${right === null ? "" : right > 0.5 ? ", correct" : right > 0 ? ", partly correct" : ""}`));
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
      cell.dir = isNumber[name] ? "ltr" : "auto";
      if (name === names[0]) {
        const button = element("button", written(value) || "(empty)");
        button.type = "button";
        button.setAttribute("aria-expanded", "false");
        button.addEventListener("click", () => {
          opened(row, i);
          button.setAttribute("aria-expanded", row.classList.contains("open"));
        });
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
    remember();
    matching = text.trim() ? rows.filter(comparison(text) || containing(text)) : [...rows];
    matching.sort(compare);
    body.replaceChildren(...matching.slice(0, shown).map(line));
    count.textContent = `${matching.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ${rows.length === 1 ? "prompt" : "prompts"}`;
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
  recall();
  draw();
})();
