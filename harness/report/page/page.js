"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const report = data.report;
  const $ = id => document.getElementById(id);
  const order = ["fail", "error", "unexpected-pass", "inconclusive", "expected-fail", "not-applicable", "pass"];

  // Everything becomes text: nothing that a packet, a file name or a target said is ever read as markup.
  function el(tag, attrs, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attrs || {})) {
      if (v === undefined || v === null || v === false) continue;
      if (k === "class") e.className = v;
      else if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
      else e.setAttribute(k, v === true ? "" : v);
    }
    for (const c of children.flat()) if (c !== null && c !== undefined && c !== "") e.append(c);
    return e;
  }
  function svg(tag, attrs, ...children) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attrs || {})) e.setAttribute(k, v);
    e.append(...children);
    return e;
  }
  const outcome = o => el("span", {class: "outcome o-" + o}, o);

  const requirements = new Map(report.requirements.map(q => [q.id, q]));
  const checks = new Map(report.checks.map(c => [c.id, c]));
  const classOf = level => /^(MUST|SHALL|REQUIRED|RULE)/.test(level) ? "MUST" : /^(SHOULD|RECOMMENDED|NOT RECOMMENDED)/.test(level) ? "SHOULD" : "MAY";

  // What a check that did not run needs, and the target does not declare.
  const declared = new Set(report.target.features || []);
  const lacking = c => c.outcome === "not-applicable" ? [...new Set(c.needs || [])].filter(f => !declared.has(f)) : [];

  const flaky = new Set(report.flaky || []); // as expected only when they were repeated

  // Header.
  function header() {
    $("verdict").classList.add(data.good ? "good" : "bad");
    const t = report.target, facts = [["Target", t.kind + " " + t.version], ["Links", t.links.join(", ")],
      ["Checks", String(report.checks.length)], ["Requirements", String(report.requirements.length)], ["Seed", String(report.seed)]];
    if (flaky.size) facts.push(["Flaky", [...flaky].join(", ")]);
    if (report.shard) facts.push(["Shard", report.shard]);
    if (report.run) facts.push(["Started", report.run.started.replace(/\.\d+Z$/, "Z")], ["Took", (report.run.wall_ms / 1000).toFixed(1) + " s"]);
    for (const [k, v] of facts) $("facts").append(el("div", {}, el("dt", {}, k), el("dd", {}, v)));
    const total = report.checks.length || 1, drawing = svg("svg", {viewBox: "0 0 1000 10", preserveAspectRatio: "none"});
    let x = 0;
    const said = [];
    for (const o of order) {
      const n = report.summary[o] || 0;
      if (!n) continue;
      const w = Math.max(2, 1000 * n / total);
      drawing.append(svg("rect", {x, y: 0, width: w, height: 10, class: "f-" + o}, svg("title", {}, n + " " + o)));
      x += w;
      said.push(n + " " + o);
    }
    $("bar").setAttribute("aria-label", said.join(", "));
    $("bar").append(drawing);
  }

  // Tabs, as the ARIA authoring practices describe them.
  const tabs = [...document.querySelectorAll("[role=tab]")], drawn = new Set(["checks"]);
  const draw = {requirements: drawRequirements, summary: drawSummary, findings: drawFindings, unlock: drawUnlock, target: drawTarget};
  function select(name, focus) {
    for (const t of tabs) {
      const on = t.id === "tab-" + name;
      t.setAttribute("aria-selected", on);
      t.tabIndex = on ? 0 : -1;
      $(t.getAttribute("aria-controls")).hidden = !on;
      if (on && focus) t.focus();
    }
    if (!drawn.has(name)) { drawn.add(name); draw[name](); }
  }
  tabs.forEach((t, i) => {
    t.addEventListener("click", () => select(t.id.slice(4)));
    t.addEventListener("keydown", e => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[e.key];
      if (step) select(tabs[(i + step + tabs.length) % tabs.length].id.slice(4), true);
    });
  });

  // Checks.
  const rows = [];
  const byRow = new Map();
  const pattern = el("article", {class: "check"}, el("h3", {}, el("button", {type: "button", "aria-expanded": "false"},
    el("span", {}), el("code", {}), el("span", {}), el("span", {class: "cases"}))));
  function drawChecks() {
    const sorted = [...report.checks].sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome) || (a.id < b.id ? -1 : 1));
    const list = document.createDocumentFragment();
    for (const c of sorted) {
      const row = pattern.cloneNode(true), button = row.firstChild.firstChild, cells = button.childNodes;
      row.id = "check=" + c.id;
      cells[0].className = "outcome o-" + c.outcome;
      cells[0].textContent = c.outcome;
      cells[1].textContent = c.id;
      cells[2].textContent = c.title || "";
      const lacks = lacking(c);
      if (flaky.has(c.id)) cells[3].textContent = "flaky: as expected only when repeated";
      else if (lacks.length) cells[3].textContent = "needs " + lacks.join(", ");
      else if (c.cases > 1) cells[3].textContent = c.cases + " cases";
      rows.push({c, row, words: null, levels: null});
      byRow.set(row, c);
      list.append(row);
    }
    $("list").append(list);
    $("list").addEventListener("click", e => {
      const button = e.target.closest("h3 > button");
      if (button) toggle(button);
    });
    for (const s of [...new Set(report.checks.map(c => c.suite))].sort()) $("suite").append(el("option", {}, s));
    for (const o of order) {
      const n = report.summary[o] || 0;
      if (n) $("outcomes").append(el("label", {}, el("input", {type: "checkbox", value: o, checked: true, onchange: filter}), o + " (" + n + ")"));
    }
    for (const id of ["search", "suite", "level"]) $(id).addEventListener("input", filter);
    for (const f of document.querySelectorAll("form")) f.addEventListener("submit", e => e.preventDefault());
    $("count").textContent = rows.length + " of " + rows.length + " checks";
  }
  function filter() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean), suite = $("suite").value, level = $("level").value;
    const wanted = new Set([...document.querySelectorAll("#outcomes input:checked")].map(i => i.value));
    let n = 0;
    for (const r of rows) {
      index(r);
      const show = wanted.has(r.c.outcome) && (!suite || r.c.suite === suite) && (!level || r.levels.has(level)) && words.every(w => r.words.includes(w));
      if (r.row.hidden === show) r.row.hidden = !show;
      if (show) n++;
    }
    $("count").textContent = n + " of " + rows.length + " checks";
  }
  // What a search looks at, made when it is first needed.
  function index(r) {
    if (r.words !== null) return;
    const c = r.c;
    r.levels = new Set(c.requirements.map(id => requirements.has(id) ? classOf(requirements.get(id).level) : ""));
    r.words = [c.id, c.title, c.suite, c.message, ...c.requirements, ...(c.failures || []).map(f => f.text), ...lacking(c).map(f => "needs:" + f + ";"), flaky.has(c.id) ? "flaky" : ""].join(" ").toLowerCase();
  }
  function toggle(button, on) {
    const open = button.getAttribute("aria-expanded") !== "true";
    if (on !== undefined && on !== open) return;
    button.setAttribute("aria-expanded", open);
    const row = button.closest(".check");
    let body = row.querySelector(".body");
    if (!body) {
      const c = byRow.get(row);
      body = el("div", {class: "body", id: "b-" + c.id}, detail(c));
      button.setAttribute("aria-controls", body.id);
      row.append(body);
    }
    body.hidden = !open;
  }

  // One check, opened.
  function detail(c) {
    const parts = [];
    if (c.reason) parts.push(el("p", {}, el("strong", {}, "Reason: "), c.reason));
    const lacks = lacking(c);
    if (lacks.length) parts.push(el("p", {}, el("strong", {}, "Unlocked by: "), "a target that declares ", lacks.flatMap((f, i) => [i ? " and " : "", el("code", {}, f)])));
    parts.push(el("ul", {class: "reqs", "aria-label": "Requirements"}, c.requirements.map(id => {
      const q = requirements.get(id) || {level: "", text: ""};
      return el("li", {}, outcome((c.verdicts || {})[id] || c.outcome), el("code", {}, id), el("span", {}, q.level), el("span", {}, q.text || ""));
    })));
    for (const [i, a] of (c.earlier || []).entries()) {
      parts.push(el("div", {class: "failure expected"}, el("strong", {}, "Attempt " + (i + 1) + ": ", outcome(a.outcome)), el("pre", {}, a.message),
        a.evidence ? el("p", {}, "Capture: ", el("a", {href: a.evidence.split("/").map(encodeURIComponent).join("/")}, a.evidence)) : null));
    }
    const failures = c.failures || [];
    if (c.message && !failures.length) parts.push(el("pre", {}, c.message));
    for (const f of failures) {
      parts.push(el("div", {class: "failure" + (f.expected ? " expected" : "")},
        el("strong", {}, [f.requirement, f.kind, f.case && "[" + f.case + "]"].filter(Boolean).join(" ")),
        el("pre", {}, f.text), f.expected ? el("p", {}, "Expected: " + f.expected) : null));
    }
    if (c.failed_cases && c.failed_cases.length) parts.push(el("p", {}, "Failed cases: " + c.failed_cases.join(", ")));
    for (const o of c.observations || []) parts.push(el("p", {}, "Observed, " + o.requirement + ": " + o.text));
    const ladder = data.ladders[c.id];
    if (ladder) parts.push(...drawLadder(ladder));
    if (c.evidence) parts.push(el("p", {}, "Capture: ", el("a", {href: c.evidence.split("/").map(encodeURIComponent).join("/")}, c.evidence)));
    parts.push(el("p", {class: "note"}, c.suite + ", " + (c.virtual_ms / 1000) + " s " + (report.target.virtual ? "of virtual time" : "on the target's clock")));
    return parts;
  }
  function drawLadder(ladder) {
    const parts = [];
    for (const lane of ladder.lanes || []) {
      if (!lane.packets || !lane.packets.length) continue;
      parts.push(el("h4", {}, lane.name));
      const graph = drawSequence(lane.packets);
      if (graph) parts.push(graph);
      parts.push(el("div", {class: "ends", "aria-hidden": "true"}, el("span", {class: "a"}, "tester"), el("span", {class: "b"}, "target")));
      parts.push(el("ol", {class: "ladder"}, lane.packets.map(drawPacket)));
    }
    if (ladder.cut) parts.push(el("p", {class: "note"}, ladder.cut + " more packets are in the capture."));
    if (ladder.err) parts.push(el("p", {class: "note"}, ladder.err));
    return parts;
  }
  const time = us => us % 1000 ? (us / 1000).toFixed(3) + " ms" : us / 1000 + " ms";
  // Of a datagram, the link addresses are among the fields only.
  const brief = sum => sum.replace(/^[0-9a-f:]{17,} > [0-9a-f:]{17,}, (?=IPv)/, "");
  function drawPacket(p) {
    const view = el("div", {class: "packetview", hidden: true});
    const button = el("button", {type: "button", class: "packet " + (p.in ? "in" : "out"), "aria-expanded": "false",
      "aria-label": (p.in ? "from the target, " : "to the target, ") + time(p.at) + ", " + p.sum},
      el("span", {class: "time"}, time(p.at)), el("span", {}, p.in ? "◀" : ""), el("span", {class: "label"}, brief(p.sum)), el("span", {}, p.in ? "" : "▶"));
    button.addEventListener("click", () => {
      const open = view.hidden;
      view.hidden = !open;
      button.setAttribute("aria-expanded", open);
      if (open && !view.childNodes.length) {
        for (const l of p.layers || []) {
          view.append(el("table", {}, el("caption", {}, l.n), el("tbody", {}, (l.f || []).map(f => el("tr", {}, el("th", {scope: "row"}, f[0]), el("td", {}, f[1]))))));
        }
        view.append(el("pre", {class: "hex"}, dump(p.hex)));
      }
    });
    return el("li", {}, button, (p.notes || []).map(n => el("p", {class: "note" + (/violates|fails|failed|broken/.test(n) ? " bad" : "")}, n)), view);
  }
  function dump(hex) {
    let out = "";
    for (let i = 0; i < hex.length; i += 32) {
      out += (i / 2).toString(16).padStart(4, "0") + "  " + hex.slice(i, i + 32).replace(/../g, "$& ").trimEnd() + "\n";
    }
    return out;
  }

  // Segments of the connection that carried the most octets on a lane, if one is a transfer.
  function transfer(packets) {
    const flows = new Map();
    for (const p of packets) {
      const layers = p.layers || [], t = layers.find(l => l.n === "TCP"), ip = layers.findLast(l => l.n === "IPv4" || l.n === "IPv6");
      if (!t || !ip) continue;
      const f = Object.fromEntries(t.f), a = Object.fromEntries(ip.f), num = (o, k) => parseInt(o[k], 10);
      const end = ip.n === "IPv4" ? ip.at + num(a, "total length") : ip.at + 40 + num(a, "payload length");
      const s = {at: p.at, in: p.in, seq: num(f, "sequence number"), ack: num(f, "acknowledgment number"), win: num(f, "window"),
        len: Math.max(0, end - t.at - t.len), scale: num(f, "window scale"), flags: f.flags.split(",")};
      if ([s.seq, s.ack, s.win, s.len].some(Number.isNaN)) continue;
      const here = a.source + " " + f["source port"], there = a.destination + " " + f["destination port"], key = [here, there].sort().join(" ");
      if (!flows.has(key)) flows.set(key, []);
      flows.get(key).push(s);
    }
    const octets = (segments, way) => segments.filter(s => s.in === way).reduce((n, s) => n + s.len, 0);
    let best = null;
    for (const segments of flows.values()) for (const way of [true, false]) {
      const n = octets(segments, way);
      if (segments.filter(s => s.in === way && s.len > 0).length >= 4 && (!best || n > best.octets)) best = {segments, way, octets: n};
    }
    return best;
  }
  // The time-sequence graph of a TCP transfer: what was sent, sent again, acknowledged, and allowed by the window.
  function drawSequence(packets) {
    const flow = transfer(packets);
    if (!flow) return null;
    const {segments, way} = flow, has = (s, flag) => s.flags.includes(flag);
    const mine = segments.filter(s => s.in === way && s.len > 0), base = mine[0].seq, rel = n => (n - base) | 0;
    const synced = segments.filter(s => has(s, "SYN")), scaled = [true, false].every(d => synced.some(s => s.in === d && !Number.isNaN(s.scale)));
    const shift = scaled ? synced.find(s => s.in !== way).scale : 0;
    const acks = segments.filter(s => s.in !== way && has(s, "ACK") && s.at >= mine[0].at - 1);
    const edges = segments.filter(s => s.in !== way && (has(s, "ACK") || has(s, "SYN")))
      .map(s => ({at: s.at, to: (has(s, "ACK") ? rel(s.ack) : 0) + (has(s, "SYN") ? s.win : s.win * 2 ** shift)}));
    const t0 = mine[0].at, t1 = Math.max(...segments.map(s => s.at), t0 + 1), top = Math.max(...mine.map(s => rel(s.seq) + s.len), 1);
    const room = top * 1.35, seen = edges.filter(e => e.to <= room), yTop = seen.length ? Math.max(top, ...seen.map(e => e.to)) : top;
    const W = 900, H = 320, L = 70, B = 30, T = 12, R = 15;
    const X = t => L + (W - L - R) * Math.max(0, t - t0) / (t1 - t0), Y = n => H - B - (H - B - T) * n / yTop;
    const g = svg("svg", {viewBox: `0 0 ${W} ${H}`, class: "graph", role: "img"});
    for (let i = 0; i <= 4; i++) {
      const n = yTop * i / 4, t = t0 + (t1 - t0) * i / 4;
      g.append(svg("line", {x1: L, x2: W - R, y1: Y(n), y2: Y(n), class: "grid"}), svg("text", {x: L - 6, y: Y(n) + 4, "text-anchor": "end"}, Math.round(n).toLocaleString("en")),
        svg("text", {x: X(t), y: H - 10, "text-anchor": i === 4 ? "end" : i ? "middle" : "start"}, ((t - t0) / 1000).toFixed(1) + " ms"));
    }
    const steps = points => points.map((p, i) => (i ? "H" + X(p.at) + "V" : "M" + X(p.at) + " ") + Y(p.to)).join("") + "H" + X(t1);
    let run = [], beyond = 0; // the window's edge, where the graph has room for it
    const draw = () => { if (run.length) g.append(svg("path", {d: steps(run).replace(/H[^HV]*$/, run.last ? "H" + run.last : "$&"), class: "win"})); run = []; };
    edges.forEach((e, i) => {
      if (e.to <= room) { run.push(e); return; }
      beyond++;
      run.last = X(e.at);
      draw();
    });
    draw();
    if (acks.length) g.append(svg("path", {d: steps([{at: t0, to: 0}, ...acks.map(s => ({at: s.at, to: Math.max(0, Math.min(yTop, rel(s.ack)))}))]), class: "ack"}));
    let high = 0, again = 0;
    for (const s of mine) {
      const a = rel(s.seq), repeated = a < high;
      if (repeated) again++;
      high = Math.max(high, a + s.len);
      const x = X(s.at);
      g.append(svg("line", {x1: x, x2: x, y1: Y(Math.max(0, a)), y2: Math.min(Y(a + s.len), Y(Math.max(0, a)) - 2), class: repeated ? "again" : way ? "seg-in" : "seg-out"},
        svg("title", {}, (repeated ? "again: " : "") + a + " to " + (a + s.len) + ", at " + time(s.at))));
      if (repeated) g.append(svg("path", {d: `M${x - 4} ${Y(Math.max(0, a)) + 8}h8l-4 -7z`, class: "mark"}));
    }
    for (const s of segments) {
      const what = has(s, "RST") ? "RST" : has(s, "FIN") ? "FIN" : "";
      if (what && s.at >= t0) g.append(svg("text", {x: Math.min(X(s.at), W - R - 24), y: T + 10, class: "flag"}, what));
    }
    const words = `${mine.length} segments with ${flow.octets.toLocaleString("en")} octets from the ${way ? "target" : "tester"}, ` +
      `${again} of them sent again; ${acks.length} acknowledgments` + (beyond === edges.length ? "; the window reached beyond the graph" : "");
    g.setAttribute("aria-label", "Sequence numbers over time: " + words);
    const key = (name, text) => el("span", {class: "key"}, svg("svg", {viewBox: "0 0 24 12", class: "graph swatch", "aria-hidden": "true"},
      name === "again" || name.startsWith("seg") ? svg("line", {x1: 12, x2: 12, y1: 1, y2: 11, class: name}) : svg("path", {d: "M0 9H12V3H24", class: name})), text);
    return el("figure", {class: "sequence"}, g, el("figcaption", {}, el("span", {class: "keys"}, key(way ? "seg-in" : "seg-out", "segment"), key("again", "sent again"),
      key("ack", "acknowledged"), key("win", "edge of the window")), "Octets over time: " + words + "."));
  }

  // Requirements.
  function drawRequirements() {
    const specs = [...new Set(report.requirements.map(q => data.specs[q.id]))].sort();
    for (const s of specs) $("rspec").append(el("option", {}, s));
    for (const o of order) if (report.requirements.some(q => q.outcome === o)) $("routcome").append(el("option", {}, o));
    const body = el("tbody", {}), all = [];
    for (const q of report.requirements) {
      const tr = el("tr", {}, el("td", {}, outcome(q.outcome)), el("td", {}, el("code", {}, q.id)), el("td", {}, q.level), el("td", {}, q.text || ""),
        el("td", {}, (q.checks || []).flatMap((id, i) => [i ? ", " : "", el("a", {href: "#check=" + encodeURIComponent(id)}, id)])),
        el("td", {class: "n"}, q.findings ? String(q.findings) : ""));
      all.push({q, tr, words: [q.id, q.text, q.level, ...(q.checks || [])].join(" ").toLowerCase()});
      body.append(tr);
    }
    $("matrix").append(el("table", {class: "list"}, el("thead", {}, el("tr", {}, ["Outcome", "Requirement", "Level", "Rule", "Checks"].map(h => el("th", {scope: "col"}, h)), el("th", {class: "n", scope: "col"}, "Judge"))), body));
    const apply = () => {
      const words = $("rsearch").value.toLowerCase().split(/\s+/).filter(Boolean);
      let n = 0;
      for (const a of all) {
        const show = (!$("rspec").value || data.specs[a.q.id] === $("rspec").value) && (!$("routcome").value || a.q.outcome === $("routcome").value) && words.every(w => a.words.includes(w));
        a.tr.hidden = !show;
        if (show) n++;
      }
      $("rcount").textContent = n + " of " + all.length + " requirements";
    };
    for (const id of ["rsearch", "rspec", "routcome"]) $(id).addEventListener("input", apply);
    apply();
  }

  function drawSummary() {
    const specs = new Map();
    for (const q of report.requirements) {
      const s = data.specs[q.id];
      if (!specs.has(s)) specs.set(s, {});
      const key = classOf(q.level), by = specs.get(s);
      (by[key] ||= {})[q.outcome] = (by[key][q.outcome] || 0) + 1;
    }
    const cell = counts => el("td", {}, counts ? order.filter(o => counts[o]).flatMap((o, i) => [i ? ", " : "", el("span", {class: "o-" + o}, counts[o] + " " + o)]) : "");
    $("panel-summary").append(el("table", {class: "list"}, el("caption", {class: "note"}, "Requirements by outcome"),
      el("thead", {}, el("tr", {}, ["Specification", "MUST, RULE", "SHOULD", "MAY"].map(h => el("th", {scope: "col"}, h)))),
      el("tbody", {}, [...specs.keys()].sort((a, b) => a.localeCompare(b, "en", {numeric: true})).map(s => {
        const by = specs.get(s);
        return el("tr", {}, el("th", {scope: "row"}, s), cell(by.MUST), cell(by.SHOULD), cell(by.MAY));
      }))));
  }

  function drawFindings() {
    const found = report.findings || [];
    const p = $("panel-findings");
    p.append(el("p", {class: "note"}, "The judge reads every frame that the target sends, whatever the check is about."));
    if (!found.length) { p.append(el("p", {}, "It found nothing.")); return; }
    p.append(el("table", {class: "list"}, el("thead", {}, el("tr", {}, ["Requirement", "What was seen", "During", "Times", "Expected because"].map(h => el("th", {scope: "col"}, h)))),
      el("tbody", {}, found.map(f => el("tr", {}, el("td", {}, el("code", {}, f.requirement)), el("td", {}, f.text),
        el("td", {}, el("a", {href: "#check=" + encodeURIComponent(f.check)}, f.check)), el("td", {class: "n"}, String(f.count)), el("td", {}, f.expected || ""))))));
  }

  // Which features would have had more checks run. What is wanted most stands first.
  function drawUnlock() {
    const p = $("panel-unlock"), features = new Map();
    for (const t of data.tiers) for (const l of t.lacking || []) {
      const f = features.get(l.feature) || {checks: 0, alone: 0};
      features.set(l.feature, {checks: f.checks + l.checks, alone: f.alone + l.alone});
    }
    const head = names => el("thead", {}, el("tr", {}, names.map((h, i) => el("th", {scope: "col", class: i ? "n" : ""}, h))));
    const numbers = (name, ...ns) => el("tr", {}, el("th", {scope: "row"}, name), ns.map(n => el("td", {class: "n"}, n)));
    p.append(el("h2", {}, "What the target has, and what runs"), el("table", {class: "list narrow"}, head(["The target has", "Run", "Not run", "Of another kind of link"]),
      el("tbody", {}, data.tiers.map(t => numbers(t.name, String(t.run), String(t.checks - t.run - (t.link || 0)), String(t.link || 0))))));
    if (!features.size) { p.append(el("p", {}, "No check waits for a feature that the target does not declare.")); return; }
    p.append(el("h2", {}, "What would unlock more"), el("p", {class: "note"}, "Features are declared, never guessed. A check may need several: some run with the feature alone, others want more."));
    const show = f => el("button", {type: "button", class: "link", onclick: () => {
      $("search").value = "needs:" + f + ";";
      $("suite").value = $("level").value = "";
      for (const i of document.querySelectorAll("#outcomes input")) i.checked = true;
      filter();
      select("checks", true);
      window.scrollTo(0, 0);
    }}, f);
    const sorted = [...features].sort(([a, x], [b, y]) => y.alone - x.alone || y.checks - x.checks || (a < b ? -1 : 1));
    p.append(el("table", {class: "list narrow"}, head(["Feature", "Unlocks by itself", "Wanted by"]),
      el("tbody", {}, sorted.map(([f, n]) => numbers(show(f), String(n.alone), String(n.checks))))));
  }

  function drawTarget() {
    const t = report.target, p = $("panel-target");
    p.append(el("h2", {}, "Features declared"), el("p", {}, (t.features || []).join(", ") || "none"));
    if (t.settings && t.settings.length) p.append(el("h2", {}, "What was set for the run"), el("table", {class: "list"},
      el("thead", {}, el("tr", {}, ["Setting", "Value", "Why"].map(h => el("th", {scope: "col"}, h)))),
      el("tbody", {}, t.settings.map(s => el("tr", {}, el("td", {}, el("code", {}, s.name)), el("td", {}, s.value), el("td", {}, s.why || ""))))));
    if (report.run && report.run.command) p.append(el("h2", {}, "Command"), el("pre", {}, report.run.command.join(" ")));
    if (data.left) p.append(el("p", {class: "note"}, "The packets of " + data.left + " checks are in their captures only, to keep this page small."));
  }

  function follow() {
    const part = /^#tab=(\w+)$/.exec(location.hash);
    if (part && $("tab-" + part[1])) return select(part[1]);
    const m = /^#check=(.+)$/.exec(location.hash);
    const r = m && rows.find(r => r.c.id === decodeURIComponent(m[1]));
    if (!r) return;
    select("checks");
    r.row.hidden = false;
    toggle(r.row.querySelector("button"), true);
    r.row.scrollIntoView();
    r.row.querySelector("button").focus();
  }

  header();
  drawChecks();
  window.addEventListener("hashchange", follow);
  follow();
})();
