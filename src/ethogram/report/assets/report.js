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
  const whole = (v) => String(v || 0).replace("-", "\u2212");
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
      const place = (100 * (v - low)) / (high - low);
      if (place < 14 || place > 86) mark.className = "edge"; // would be cut on a phone
      mark.style.setProperty("--m", `${place.toFixed(2)}%`);
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
  const range = (low, high) => `${whole(low)} to ${whole(high)}`;

  // -- ranked traits: choose the model --------------------------------------------------------

  function traitHead(trait, mark) {
    const head = make("th", null, { scope: "row" });
    head.dataset.v = trait;
    if (at("evidence")) {
      head.append(make("a", trait, { class: "read", href: "#evidence", title: "Read trials with this trait" }));
    } else head.textContent = trait;
    if (mark) head.append(" ", make("span", mark, { class: "mark" }));
    return head;
  }

  function showRanked(profile) {
    const rankedTable = at("ranked-table");
    const { low, high, ticks } = profile.scale;
    showAxis("ranked-axis", ticks, low, high, whole);
    const rows = profile.rows.map(([t, rating, lo, hi, rank, best, worst, n, wins, place, mark]) => {
      const row = make("tr");
      const shown = cell("num", null, rating);
      shown.append(make("b", whole(rating)), make("small", range(lo, hi), { class: "narrow" }));
      row.append(
        cell("num", place, rank), traitHead(data.traits[t], mark),
        barCell(rating, lo, hi, sideOf(lo, hi, 1000), low, high, 1000), shown,
        cell("num wide", range(lo, hi)), cell("num wide", best === worst ? whole(best) : range(best, worst), best + worst / 1000),
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
    const [first] = view.profiles; // of very many traits the page has the ends, the data all
    if (first && rowsOf(at("ranked-table")).length < first.rows.length) showRanked(first);
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
      row.append(cell("num", rating === "" ? "" : whole(rating), rating, rating === "" ? null : { text: range(lo, hi) }));
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
      pan.classList.remove("fits"); // measured as it would scroll
      const wide = pan.scrollWidth > pan.clientWidth + 4;
      pan.classList.toggle("wide", wide);
      pan.classList.toggle("fits", !wide);
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

  // Columns become rows, and nothing is wider than the room: letters keep their size on a phone.
  function narrowed(spec, room) {
    if (!spec || typeof spec !== "object") return spec;
    if (Array.isArray(spec)) return spec.map((part) => narrowed(part, room));
    const { hconcat, ...rest } = spec;
    const slim = { ...rest };
    if (hconcat) slim.vconcat = hconcat;
    if (slim.concat) slim.columns = 1;
    for (const kind of ["vconcat", "concat", "layer"]) if (slim[kind]) slim[kind] = narrowed(slim[kind], room);
    if (slim.spec) slim.spec = narrowed(slim.spec, room);
    if (typeof slim.width === "number" && slim.width > room) {
      scalePixels(slim, room / slim.width);
      slim.width = room;
    }
    return slim;
  }

  // Labels that were placed by pixels move with the rest.
  function scalePixels(spec, share) {
    for (const layer of spec.layer ?? []) scalePixels(layer, share);
    if (spec.encoding?.x?.scale !== null) return;
    const fields = [spec.encoding.x.field, spec.encoding.x2?.field].filter(Boolean);
    const moves = fields.map((field) => ({ calculate: `datum['${field}'] * ${share}`, as: field }));
    spec.transform = [...(spec.transform ?? []), ...moves];
  }

  const phone = window.matchMedia("(max-width: 720px)");
  const ROUND = ["radial"]; // its letters stand on a circle: scaled as a whole

  // Of the view that is shown, or of a section that all views share.
  const specs = (name) => figures.specs[shownView][name] ?? figures.shared[name];

  function specOf(figure) {
    const { dataset: { figure: name } } = figure;
    const spec = structuredClone(specs(name)[dark.matches ? "dark" : "light"]);
    const names = [...tablesOf(spec)];
    const fitted = phone.matches && !ROUND.includes(name) ? narrowed(spec, figure.clientWidth - 130) : spec;
    fitted.config = { ...fitted.config, aria: false }; // the caption and the tables speak for the marks
    fitted.datasets = Object.fromEntries(names.map((table) => [table, rowsFrom(figures.pool[table])]));
    return fitted;
  }

  // Vega gives some marks a role without a name; the picture as a whole has both.
  function hush(picture) {
    const spoken = ["role", "aria-roledescription", "aria-label"];
    for (const node of picture.querySelectorAll("[role], [aria-roledescription]")) spoken.forEach((name) => node.removeAttribute(name));
  }

  async function draw(figure) {
    const spec = specOf(figure);
    const options = { mode: "vega-lite", actions: false, renderer: "svg", ast: true, tooltip: { theme: dark.matches ? "dark" : "light" } };
    const drawn = await vegaEmbed(figure.querySelector(".live"), spec, options);
    figure.view?.finalize();
    if (!figure.isConnected) { drawn.view.finalize(); return; }
    figure.view = drawn.view;
    figure.classList.add("ready");
    const picture = figure.querySelector(".live svg");
    picture.removeAttribute("aria-hidden");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", `Figure: ${figure.dataset.title}`);
    hush(picture);
    new MutationObserver(() => hush(picture)).observe(picture, { childList: true, subtree: true });
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
  for (const media of [dark, phone]) {
    media.addEventListener("change", () => pageFigures().filter((p) => p.view).forEach(draw));
  }

  // -- what a figure shows, to take away: its picture, and its numbers -------------------------

  const quoted = (v) => {
    const text = v === null || v === undefined ? "" : typeof v === "object" ? JSON.stringify(v) : String(v);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  // Several tables follow each other in one; a column says which.
  function csvOf(name) {
    const tables = [...tablesOf(specs(name).light)].map((table) => figures.pool[table]);
    const many = tables.length > 1;
    const columns = [...new Set(tables.flatMap((table) => table.columns))];
    const lines = [[...(many ? ["table"] : []), ...columns]];
    tables.forEach((table, i) => rowsFrom(table).forEach((row) => {
      lines.push([...(many ? [i + 1] : []), ...columns.map((column) => row[column])]);
    }));
    return lines.map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
  }

  const svgOf = (figure) => new XMLSerializer().serializeToString(figure.querySelector(".still svg"));

  let taken = [];
  function startTakeAways() {
    taken.forEach((address) => URL.revokeObjectURL(address));
    taken = [];
    document.querySelectorAll("[data-get]").forEach((link) => {
      const figure = link.closest(".page-figure");
      const [text, type] = link.dataset.get === "svg"
        ? [svgOf(figure), "image/svg+xml"] : [csvOf(figure.dataset.figure), "text/csv"];
      link.href = URL.createObjectURL(new Blob([text], { type }));
      taken.push(link.href);
    });
  }

  // -- the judge: what is said within another one takes the place of what is shown ----------

  const within = at("within");
  const views = [within, ...[...document.querySelectorAll("template.view")].map((t) => t.content)];
  if (views.length > 1) views[0] = within.cloneNode(true); // before any table is touched

  function startView() {
    startTables();
    startRanked();
    startCompare();
    startFigures();
    startTakeAways();
    document.querySelectorAll('nav a[href^="#"]').forEach((link) => {
      link.closest("li").hidden = !at(link.hash.slice(1).split("@")[0]);
    });
    nameView();
    followSections();
    markWide();
  }

  // A permalink names the view too: #radial@glm.
  function nameView() {
    const suffix = shownView ? `@${encodeURIComponent(view.name)}` : "";
    document.querySelectorAll('a[href^="#"]:not(.skip)').forEach((link) => {
      link.setAttribute("href", link.getAttribute("href").split("@")[0] + suffix);
    });
  }

  function showView(number) {
    pageFigures().forEach((figure) => { seen.unobserve(figure); figure.view?.finalize(); });
    shownView = number;
    view = data.views[shownView];
    within.replaceChildren(...views[shownView].cloneNode(true).childNodes);
    if (at("view")) at("view").value = String(number);
    startView();
    followView();
  }

  at("view")?.addEventListener("change", (event) => showView(Number(event.target.value)));

  // -- contents: closed on a small screen; the section that is read is marked -------------------

  const contents = document.querySelector("nav.contents details");
  const roomy = window.matchMedia("(min-width: 1200px)");
  const fitContents = () => { contents.open = roomy.matches; };
  roomy.addEventListener("change", fitContents);
  fitContents();
  contents.addEventListener("click", (event) => { if (event.target.closest("a") && !roomy.matches) contents.open = false; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || roomy.matches || !contents.open) return;
    contents.open = false;
    contents.querySelector("summary").focus();
  });

  function markSection() {
    const links = [...contents.querySelectorAll('li:not([hidden]) a[href^="#"]')];
    const read = (link) => at(link.hash.slice(1).split("@")[0])?.getBoundingClientRect().top ?? Infinity;
    const passed = links.filter((link) => read(link) <= 140);
    const current = passed.sort((a, b) => read(b) - read(a))[0] ?? links[0];
    links.forEach((link) => link.removeAttribute("aria-current"));
    current?.setAttribute("aria-current", "true");
    contents.querySelector("summary").dataset.at = current ? current.textContent : "";
  }
  let waiting = false;
  window.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; markSection(); });
  }, { passive: true });
  function followSections() { markSection(); }

  // -- the evidence ------------------------------------------------------------------------------

  const trials = read("trials");
  const PAGE = 12;
  let shownTrials = PAGE;
  let asked = null; // the trial of a permalink: shown whatever is chosen

  const option = (text, v) => make("option", text, { value: v });
  const chosen = (id) => { const box = at(id); return !box || box.value === "" ? null : Number(box.value); };

  function chooseModel(label) {
    if (!trials) return;
    const index = trials.models.findIndex((name) => name === label || label.startsWith(`${name},`));
    if (index >= 0) at("evidence-model").value = String(index);
    showTrials();
  }

  const named = (v) => (v.w === null ? (v.s === "ok" ? "a tie" : `no verdict (${v.s})`) : trials.traits[v.w]);
  const winners = (trial) => [...new Set(trial.v.filter((v) => v.w !== null).map((v) => v.w))];
  const disagreeing = () => at("evidence-disagree")?.checked ?? false;

  // One judge's verdicts, or all: where judges are compared, and where any will do.
  function verdictsOf(trial) {
    const judge = chosen("evidence-judge");
    return judge === null || disagreeing() ? trial.v : trial.v.filter((v) => v.j === judge);
  }

  function verdictWords(trial) {
    const verdicts = verdictsOf(trial);
    if (!verdicts.length) return "not judged";
    const words = [...new Set(verdicts.map((v) => (v.w === null && v.s !== "ok" ? "no verdict" : named(v))))];
    return words.length === 1 ? words[0] : verdicts.map((v) => `${trials.judges[v.j]}: ${named(v)}`).join(", ");
  }

  function textBlock(title, text, kind, cut) {
    const block = make("div", text, { class: `text ${kind}`, dir: "auto", tabindex: "0", role: "group", "aria-label": title });
    if (cut) block.append(make("em", " [cut here]"));
    return [make("p", title, { class: "part" }), block];
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
    for (const v of verdictsOf(trial)) {
      const [first, second] = v.x ? [trial.b, trial.a] : [trial.a, trial.b];
      const order = `shown ${trials.traits[first]} first, ${trials.traits[second]} second`;
      parts.push(...textBlock(`${trials.judges[v.j]}, ${order}, judged: ${named(v)}`, v.t, "said", false));
    }
    const foot = make("p", null, { class: "foot" });
    foot.append(
      ...notes.map((n) => make("span", `${n} `)),
      make("a", `Link to trial ${trial.id}`, { href: `#trial-${trial.id}` }), ". In full, with every attempt: ",
      make("code", `ethogram show ${trials.store} ${trial.id}`));
    return [...parts, foot];
  }

  function trialItem(trial) {
    const item = make("details", null, { class: "trial", id: `trial-${trial.id}` });
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

  const folded = new Map(); // what is searched, by trial
  function searched(trial) {
    if (!folded.has(trial)) {
      const texts = [trials.prompts[trial.p].t, trial.r, ...trial.v.map((v) => v.t), trials.traits[trial.a], trials.traits[trial.b], `trial ${trial.id}`];
      folded.set(trial, texts.join("\n").toLocaleLowerCase());
    }
    return folded.get(trial);
  }

  function wantedTrials() {
    const [model, trait, judge] = ["evidence-model", "evidence-trait", "evidence-judge"].map(chosen);
    const outcome = at("evidence-outcome").value;
    const word = at("evidence-search").value.trim().toLocaleLowerCase();
    const all = disagreeing();
    return trials.trials.filter((t) =>
      (model === null || t.m === model) &&
      (trait === null || t.a === trait || t.b === trait) &&
      (judge === null || all || t.v.some((v) => v.j === judge)) &&
      (!outcome || trait === null || verdictsOf(t).some((v) => v.w !== null && (v.w === trait) === (outcome === "won"))) &&
      (!all || winners(t).length > 1) &&
      (!word || searched(t).includes(word)));
  }

  function showTrials() {
    const found = wantedTrials();
    const rest = asked ? [asked, ...found.filter((t) => t !== asked)] : found;
    at("evidence-list").replaceChildren(...rest.slice(0, shownTrials).map(trialItem));
    at("evidence-count").textContent = `${number(found.length)} ${found.length === 1 ? "trial" : "trials"} here`;
    at("evidence-more").closest("p").hidden = rest.length <= shownTrials;
    at("evidence-outcome").disabled = at("evidence-trait").value === "";
    if (at("evidence-judge")) at("evidence-judge").disabled = disagreeing();
  }

  function chooseTrials() {
    shownTrials = PAGE;
    asked = null;
    showTrials();
  }

  // Another judge or condition is shown above: so it is here.
  function followView() {
    if (!trials) return;
    const judge = trials.judges.indexOf(view.judge);
    if (at("evidence-judge")) at("evidence-judge").value = judge < 0 ? "" : String(judge);
    const own = trials.models.map((name, i) => [name, i]).filter(([, i]) => !view.condition || trials.conditions[i] === view.condition);
    const shown = own.length ? own : trials.models.map((name, i) => [name, i]);
    const before = at("evidence-model").value;
    at("evidence-model").replaceChildren(...shown.map(([name, i]) => option(name, i)), ...(shown.length > 1 ? [option("any", "")] : []));
    if (shown.some(([, i]) => String(i) === before)) at("evidence-model").value = before;
    chooseTrials();
  }

  function startEvidence() {
    const order = trials.traits.map((name, i) => [name, i]).sort((a, b) => a[0].localeCompare(b[0], "en"));
    at("evidence-trait").append(option("any", ""), ...order.map(([name, i]) => option(name, i)));
    at("evidence-judge")?.append(...trials.judges.map((name, i) => option(name, i)), option("all", ""));
    for (const id of ["evidence-model", "evidence-trait", "evidence-judge", "evidence-outcome", "evidence-disagree"]) {
      at(id)?.addEventListener("change", chooseTrials);
    }
    at("evidence-search").addEventListener("input", chooseTrials);
    at("evidence-more").addEventListener("click", () => { shownTrials += PAGE; showTrials(); });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a.read");
      if (!link) return;
      const index = trials.traits.indexOf(link.textContent);
      if (index >= 0) { at("evidence-trait").value = String(index); chooseTrials(); }
    });
    followView();
  }
  if (trials) startEvidence();

  // -- permalinks: what they name may have to be brought up first ------------------------------

  function follow() {
    const [name, ...rest] = location.hash.slice(1).split("@");
    let viewName = "";
    try { viewName = decodeURIComponent(rest.join("@")); } catch { /* no address of ours */ }
    const number = viewName ? data.views.findIndex((v) => v.name === viewName) : -1;
    if (number >= 0 && number !== shownView) showView(number);
    const trial = trials && name.startsWith("trial-") ? trials.trials.find((t) => `trial-${t.id}` === name) : null;
    if (trial) {
      asked = trial;
      showTrials();
      at(name).open = true;
    }
    if (trial || number >= 0) at(name)?.scrollIntoView();
  }
  window.addEventListener("hashchange", follow);
  startView();
  follow();
})();
