"use strict";
/* Sorting, searching, choosing. Text from models goes in by textContent only, never as HTML. */
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const at = (id) => document.getElementById(id);
  const make = (name, text, attributes = {}) => {
    const node = document.createElement(name);
    if (text !== undefined && text !== null) node.textContent = text;
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const signed = (v) => (v > 0 ? "+" : v < 0 ? "\u2212" : "") + Math.abs(v);
  const number = (v) => v.toLocaleString("en-GB");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const data = read("data");
  let shownView = 0;
  let view = data.views[shownView];
  document.documentElement.classList.add("js");

  // -- tables: fold, sort, search ----------------------------------------------------------

  const rowsOf = (table) => [...table.tBodies[0].rows].filter((row) => !row.classList.contains("gap"));

  const unfolder = (table) => document.querySelector(`[data-unfold="${table.id}"]`)?.closest("p");

  function fold(table) {
    const hidden = table.querySelectorAll("tr.mid");
    unfold(table);
    if (!hidden.length) return;
    table.classList.add("folded");
    const gap = make("tr", null, { class: "gap" });
    gap.append(make("td", `${hidden.length} more traits`, { colspan: table.tHead.rows[0].cells.length }));
    hidden[0].before(gap);
    unfolder(table).hidden = false;
  }

  function unfold(table) {
    table.classList.remove("folded");
    table.querySelector("tr.gap")?.remove();
    const button = unfolder(table);
    if (button) button.hidden = true;
  }

  // As in the page's own rows: long lists open with their two ends.
  function markMiddle(rows) {
    if (rows.length <= data.fold.above) return rows;
    rows.slice(data.fold.ends, -data.fold.ends).forEach((row) => row.classList.add("mid"));
    return rows;
  }

  const value = (row, column) => row.cells[column].dataset.v ?? row.cells[column].textContent;

  function sortBy(table, head, direction) {
    const column = head.cellIndex;
    const numeric = head.querySelector(".sort").dataset.kind === "number";
    const sign = direction === "ascending" ? 1 : -1;
    unfold(table);
    const rows = rowsOf(table).sort((a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y, "en"));
    });
    table.tBodies[0].append(...rows);
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", direction);
  }

  function sortable(table) {
    table.tHead.addEventListener("click", (event) => {
      const button = event.target.closest(".sort");
      if (!button) return;
      const head = button.closest("th");
      const now = head.getAttribute("aria-sort");
      const first = button.dataset.first === "up" ? "ascending" : "descending";
      const next = !now ? first : now === "ascending" ? "descending" : "ascending";
      sortBy(table, head, next);
    });
  }

  function filter(table, wanted) {
    const word = wanted.trim().toLocaleLowerCase();
    if (word) unfold(table);
    const rows = rowsOf(table);
    let shown = 0;
    for (const row of rows) {
      row.hidden = word !== "" && !row.querySelector("th").textContent.toLocaleLowerCase().includes(word);
      shown += row.hidden ? 0 : 1;
    }
    const count = document.querySelector(`[data-count="${table.id}"]`);
    if (count) count.textContent = word ? `${shown} of ${rows.length}` : "";
  }

  function startTables() {
    within.querySelectorAll("table[data-sortable]").forEach((table) => { fold(table); sortable(table); });
    within.querySelectorAll("[data-filter]").forEach((box) => {
      box.addEventListener("input", () => filter(at(box.dataset.filter), box.value));
    });
    within.querySelectorAll("[data-unfold]").forEach((button) => {
      button.addEventListener("click", () => unfold(at(button.dataset.unfold)));
    });
  }

  // -- intervals ----------------------------------------------------------------------------

  function barCell(estimate, low, high, side, from, to, middle) {
    const percent = (v) => `${((100 * (v - from)) / (to - from)).toFixed(2)}%`;
    const node = make("td", null, { class: `bar ${side}` });
    for (const [name, v] of [["a", low], ["b", high], ["m", estimate], ["z", middle]]) {
      node.style.setProperty(`--${name}`, percent(v));
    }
    node.append(make("span", null, { class: "iv" }));
    return node;
  }

  function showAxis(id, ticks, low, high, words) {
    at(id).replaceChildren(...ticks.map((v) => {
      const mark = make("span", words(v));
      mark.style.setProperty("--m", `${((100 * (v - low)) / (high - low)).toFixed(2)}%`);
      return mark;
    }));
  }

  function cell(className, text, sortValue, small) {
    const node = make("td", text, { class: className });
    if (sortValue !== undefined) node.dataset.v = sortValue;
    if (small) node.append(make("small", small.text, small.narrow ? { class: "narrow" } : {}));
    return node;
  }

  const sideOf = (low, high, middle) => (low > middle ? "up" : high < middle ? "down" : "open");
  const range = (low, high) => `${low}\u2013${high}`;

  // -- ranked traits: choose the model --------------------------------------------------------

  function traitHead(trait) {
    const head = make("th", null, { scope: "row" });
    head.dataset.v = trait;
    if (at("evidence")) {
      head.append(make("a", trait, { class: "read", href: "#evidence", title: "Read trials with this trait" }));
    } else head.textContent = trait;
    return head;
  }

  function showRanked(profile) {
    const rankedTable = at("ranked-table");
    const { low, high, ticks } = profile.scale;
    showAxis("ranked-axis", ticks, low, high, String);
    const rows = profile.rows.map(([t, rating, lo, hi, rank, best, worst, n, wins]) => {
      const row = make("tr");
      const shown = cell("num", null, rating);
      shown.append(make("b", rating), make("small", range(lo, hi), { class: "narrow" }));
      row.append(
        cell("num", rank, rank), traitHead(data.traits[t]),
        barCell(rating, lo, hi, sideOf(lo, hi, 1000), low, high, 1000), shown,
        cell("num wide", range(lo, hi)), cell("num wide", range(best, worst), best + worst / 1000),
        cell("num wide", `${wins} of ${n}`, n ? wins / n : 0));
      return row;
    });
    rankedTable.tBodies[0].replaceChildren(...markMiddle(rows));
    fold(rankedTable);
    const heads = rankedTable.tHead.rows[0].cells;
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[0].setAttribute("aria-sort", "ascending");
    rankedTable.tHead.querySelector(".won .sort").textContent = profile.won;
    at("ranked-caption").textContent = profile.caption;
    const box = document.querySelector('[data-filter="ranked-table"]');
    filter(rankedTable, box.value);
  }

  function startRanked() {
    at("ranked-model")?.addEventListener("change", (event) => {
      const profile = view.profiles[Number(event.target.value)];
      showRanked(profile);
      chooseModel(profile.label);
    });
  }

  // -- two models side by side --------------------------------------------------------------

  function changeBetween(before, after, scale) {
    const turned = before > after;
    const shift = view.shifts[turned ? `${after}-${before}` : `${before}-${after}`];
    if (!shift) return null;
    const rows = shift[scale].map(([e, lo, hi, q], i) => {
      const moved = turned ? [-e, -hi, -lo] : [e, lo, hi];
      return { trait: shift.traits[i], shift: moved[0] || 0, low: moved[1] || 0, high: moved[2] || 0, q };
    });
    return { ...shift, stretch: turned ? 1 / shift.stretch : shift.stretch, rows };
  }

  function shiftTicks(reach) {
    const step = [50, 100, 200, 400, 1000, 2000].find((s) => reach / s < 3) ?? 5000;
    const most = Math.floor(reach / step);
    return Array.from({ length: 2 * most + 1 }, (_, i) => (i - most) * step);
  }

  function ratingOf(profile, trait) {
    return profile.rows.find((row) => row[0] === trait) ?? [trait, "", "", ""];
  }

  function shiftRow(change, before, after, reach) {
    const row = make("tr");
    const head = make("th", data.traits[change.trait], { scope: "row" });
    head.dataset.v = data.traits[change.trait];
    row.append(head);
    for (const profile of [before, after]) {
      const [, rating, lo, hi] = ratingOf(profile, change.trait);
      row.append(cell("num", rating, rating, { text: range(lo, hi) }));
    }
    const clear = change.q <= 0.05;
    const side = clear ? (change.shift > 0 ? "up" : "down") : "open";
    const shown = cell("num", null, change.shift);
    const between = `${signed(change.low) || 0} to ${signed(change.high) || 0}`;
    shown.append(make("b", signed(change.shift) || "0"), make("small", between, { class: "narrow" }));
    row.append(
      barCell(change.shift, change.low, change.high, side, -reach, reach, 0), shown,
      cell("num wide", between), cell("num wide", change.q < 0.0001 ? "<0.0001" : change.q, change.q));
    return row;
  }

  function compare() {
    const table = at("compare-table");
    const [i, j] = [Number(at("compare-before").value), Number(at("compare-after").value)];
    const scale = at("compare-scale").value;
    const [before, after] = [view.profiles[i], view.profiles[j]];
    const change = i === j ? null : changeBetween(i, j, scale);
    const summary = at("compare-summary");
    if (!change) {
      summary.textContent = i === j ? "Choose two different models." : "These two share too few traits to be compared.";
      table.tBodies[0].replaceChildren();
      unfold(table);
      return;
    }
    const clear = change.rows.filter((row) => row.q <= 0.05);
    const shown = (at("compare-all").checked ? change.rows : clear).sort((a, b) => b.shift - a.shift);
    const reach = Math.max(100, ...shown.map((row) => Math.max(Math.abs(row.low), Math.abs(row.high))));
    showAxis("compare-axis", shiftTicks(reach), -reach, reach, signed);
    const rows = shown.map((row) => shiftRow(row, before, after, reach));
    table.tBodies[0].replaceChildren(...markMiddle(rows));
    fold(table);
    for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
    table.tHead.rows[0].cells[4].setAttribute("aria-sort", "descending");
    summary.textContent =
      `${clear.length} of ${change.rows.length} traits differ${clear.length === 1 ? "s" : ""} between ${before.label} and ${after.label} by more than noise.` +
      (scale === "scaled"
        ? ` ${after.label}’s ratings are ${change.stretch.toFixed(2)} times as spread out as ${before.label}’s; here both are scaled to the same spread.`
        : "");
    const how = change.paired
      ? `compared ${change.paired === "prompts" ? "prompt by prompt" : "pair by pair"} (${number(change.shared)} shared)`
      : "treated as independent";
    at("compare-caption").textContent =
      `Shift of each trait’s rating in Elo points, with pointwise 95% intervals as bars; ${number(before.n)} and ` +
      `${number(after.n)} comparisons, ${how}. ` +
      (at("compare-all").checked ? "Coloured" : "Shown") +
      ` are shifts with a p-value of at most 0.05 after correction for ${change.rows.length} tests ` +
      "(Benjamini-Hochberg): about 5% of them are expected to be false." + (view.said ? ` ${view.said}` : "");
  }

  function startCompare() {
    if (!at("compare-table")) return;
    for (const id of ["compare-before", "compare-after", "compare-scale", "compare-all"]) {
      at(id).addEventListener("change", compare);
    }
    compare();
  }

  // -- what is wider than the screen says so ------------------------------------------------

  function markWide() {
    document.querySelectorAll(".pan").forEach((pan) => {
      pan.classList.toggle("wide", pan.scrollWidth > pan.clientWidth + 4);
    });
  }
  window.addEventListener("resize", markWide);

  // -- figures: interactive when they come into view ---------------------------------------

  const figures = read("figures");

  function tablesOf(node, names = new Set()) {
    if (Array.isArray(node)) node.forEach((item) => tablesOf(item, names));
    else if (node && typeof node === "object") {
      if (node.data && typeof node.data.name === "string") names.add(node.data.name);
      Object.values(node).forEach((item) => tablesOf(item, names));
    }
    return names;
  }

  function rowsFrom({ columns, rows }) {
    return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
  }

  async function draw(figure) {
    const spec = structuredClone(figures.specs[shownView][figure.dataset.figure][dark.matches ? "dark" : "light"]);
    spec.datasets = Object.fromEntries([...tablesOf(spec)].map((name) => [name, rowsFrom(figures.pool[name])]));
    const options = { mode: "vega-lite", actions: false, renderer: "svg", ast: true, tooltip: { theme: dark.matches ? "dark" : "light" } };
    const drawn = await vegaEmbed(figure.querySelector(".live"), spec, options);
    figure.view?.finalize();
    if (!figure.isConnected) { drawn.view.finalize(); return; }
    figure.view = drawn.view;
    figure.classList.add("ready");
    markWide();
  }

  const pageFigures = () => [...document.querySelectorAll(".page-figure")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting)) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "600px 0px" });
  function startFigures() {
    if (typeof vegaEmbed === "function") pageFigures().forEach((figure) => seen.observe(figure));
  }
  dark.addEventListener("change", () => pageFigures().filter((p) => p.view).forEach(draw));

  // -- the judge: what is said within another one takes the place of what is shown ----------

  const within = at("within");
  const views = [within, ...[...document.querySelectorAll("template.view")].map((t) => t.content)];
  if (views.length > 1) views[0] = within.cloneNode(true); // before any table is touched

  function startView() {
    startTables();
    startRanked();
    startCompare();
    startFigures();
    document.querySelectorAll('nav a[href^="#"]').forEach((link) => {
      link.closest("li").hidden = !at(link.hash.slice(1));
    });
    markWide();
  }

  at("view")?.addEventListener("change", (event) => {
    pageFigures().forEach((figure) => { seen.unobserve(figure); figure.view?.finalize(); });
    shownView = Number(event.target.value);
    view = data.views[shownView];
    within.replaceChildren(...views[shownView].cloneNode(true).childNodes);
    startView();
  });
  startView();

  // -- the evidence ------------------------------------------------------------------------------

  const trials = read("trials");
  const PAGE = 12;
  let shownTrials = PAGE;

  const option = (text, v) => make("option", text, { value: v });

  function chooseModel(label) {
    if (!trials) return;
    const index = trials.models.findIndex((name) => name === label || label.startsWith(`${name},`));
    if (index >= 0) at("evidence-model").value = String(index);
    showTrials();
  }

  function verdictWords(trial) {
    const winners = trial.v.map((v) => (v.w === null ? (v.s === "ok" ? "a tie" : "no verdict") : trials.traits[v.w]));
    return winners.length ? [...new Set(winners)].join(", ") : "not judged";
  }

  function textBlock(title, text, kind, cut) {
    const block = make("div", text, { class: `text ${kind}`, dir: "auto" });
    if (cut) block.append(make("em", " [cut here]"));
    return [make("h4", title), block];
  }

  function trialBody(trial) {
    const model = trials.models[trial.m];
    const prompt = trials.prompts[trial.p];
    const notes = [];
    if (trial.s === "truncated") notes.push("The reply hit the token limit.");
    if (trial.n) notes.push("The reply names a trait, although it was told not to.");
    const parts = [
      ...textBlock(`The user wrote${prompt.l ? ` (${prompt.l})` : ""}`, prompt.t, "prompt", prompt.cut),
      ...textBlock(`${model} answered`, trial.r, "reply", trial.cut),
    ];
    for (const v of trial.v) {
      const named = v.w === null ? (v.s === "ok" ? "a tie" : `no verdict (${v.s})`) : trials.traits[v.w];
      const [first, second] = v.x ? [trial.b, trial.a] : [trial.a, trial.b];
      const asked = `shown ${trials.traits[first]} first, ${trials.traits[second]} second`;
      parts.push(...textBlock(`${trials.judges[v.j]}, ${asked}, judged: ${named}`, v.t, "said", false));
    }
    const foot = make("p", null, { class: "foot" });
    foot.append(...notes.map((n) => make("span", `${n} `)), "In full, with every attempt: ", make("code", `ethogram show ${trials.store} ${trial.id}`));
    return [...parts, foot];
  }

  function trialItem(trial) {
    const item = make("details", null, { class: "trial" });
    const summary = make("summary");
    summary.append(
      make("b", verdictWords(trial)), ` \u00b7 offered ${trials.traits[trial.a]} and ${trials.traits[trial.b]}`,
      make("span", trials.prompts[trial.p].t.replace(/\s+/g, " ").slice(0, 160), { class: "first", dir: "auto" }));
    item.append(summary);
    item.addEventListener("toggle", () => {
      if (item.open && item.childElementCount === 1) item.append(...trialBody(trial));
    });
    return item;
  }

  function wantedTrials() {
    const model = Number(at("evidence-model").value);
    const trait = at("evidence-trait").value === "" ? null : Number(at("evidence-trait").value);
    const outcome = at("evidence-outcome").value;
    const has = (t) => trait === null || t.a === trait || t.b === trait;
    const ended = (t) => {
      if (!outcome || trait === null) return true;
      return t.v.some((v) => v.w !== null && (v.w === trait) === (outcome === "won"));
    };
    return trials.trials.filter((t) => t.m === model && has(t) && ended(t));
  }

  function showTrials() {
    const wanted = wantedTrials();
    at("evidence-list").replaceChildren(...wanted.slice(0, shownTrials).map(trialItem));
    at("evidence-count").textContent = `${number(wanted.length)} ${wanted.length === 1 ? "trial" : "trials"} here`;
    at("evidence-more").closest("p").hidden = wanted.length <= shownTrials;
    at("evidence-outcome").disabled = at("evidence-trait").value === "";
  }

  if (trials) {
    at("evidence-model").append(...trials.models.map((name, i) => option(name, i)));
    const order = trials.traits.map((name, i) => [name, i]).sort((a, b) => a[0].localeCompare(b[0], "en"));
    at("evidence-trait").append(option("any", ""), ...order.map(([name, i]) => option(name, i)));
    for (const id of ["evidence-model", "evidence-trait", "evidence-outcome"]) {
      at(id).addEventListener("change", () => { shownTrials = PAGE; showTrials(); });
    }
    at("evidence-more").addEventListener("click", () => { shownTrials += PAGE; showTrials(); });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a.read");
      if (!link) return;
      const index = trials.traits.indexOf(link.textContent);
      if (index >= 0) { at("evidence-trait").value = String(index); shownTrials = PAGE; showTrials(); }
    });
    showTrials();
  }
})();
