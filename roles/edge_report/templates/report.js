'use strict';
// The list of findings and the matrix, made of the JSON block in portions. Text enters the page as text only.
(() => {
  const PORTION = 100;
  const EDGES_A_PORTION = 50;
  const PRINTED = 1000;
  const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'];
  const [CHECK, STATUS, EDGE, RESOURCE, EXPECTED, OBSERVED, EXTRA] = [0, 1, 2, 3, 4, 5, 6];
  const SVG = 'http://www.w3.org/2000/svg';

  const table = JSON.parse(document.getElementById('data').textContent);
  const all = table.findings;
  const haystacks = new Array(all.length);
  const byId = (id) => document.getElementById(id);
  const form = byId('filters');
  const list = byId('list');
  const more = byId('more');
  let matching = [];
  let shown = 0;

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function badge(status, spokenOnly) {
    const [kind, word] = table.statuses[status];
    const icon = document.createElementNS(SVG, 'svg');
    icon.setAttribute('class', 'icon');
    icon.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS(SVG, 'use');
    use.setAttribute('href', `#i-${kind}`);
    icon.append(use);
    return element('span', { class: `badge s-${kind}` }, icon, spokenOnly ? element('span', { class: 'spoken' }, word) : word);
  }

  const textOf = (index) => (index < 0 ? '' : table.texts[index]);
  const extraOf = (row) => (row[EXTRA] < 0 ? {} : table.extras[row[EXTRA]]);
  const expectedOf = (row) => (row[EXPECTED] < 0 ? table.checks[row[CHECK]].title : textOf(row[EXPECTED]));
  const cureOf = (row) => (extraOf(row).fix || {}).summary || extraOf(row).advice || table.checks[row[CHECK]].remediation;

  function haystack(index) {
    if (haystacks[index] === undefined) {
      const row = all[index];
      const check = table.checks[row[CHECK]];
      haystacks[index] = [check.id, check.title, check.hop, table.edges[row[EDGE]][0], textOf(row[RESOURCE]),
        textOf(row[OBSERVED]), expectedOf(row), cureOf(row), (extraOf(row).permissions || []).join(' '),
        notesOf(extraOf(row)), (extraOf(row).waiver || {}).ticket || '']
        .join('\n').toLowerCase();
    }
    return haystacks[index];
  }

  // --- one finding ---------------------------------------------------------------------------------------------------

  function item(index) {
    const row = all[index];
    const check = table.checks[row[CHECK]];
    const whole = ['fail', 'waived'].includes(table.statuses[row[STATUS]][0]);
    const details = element('details', { class: whole ? 'finding' : 'finding line' }, element('summary', {},
      badge(row[STATUS]), ' ',
      element('span', {}, element('strong', {}, check.title), ' ',
        element('span', { class: 'dim' }, `${check.id}, ${check.severity}${notesOf(extraOf(row))}`)),
      ' ', element('span', { class: 'dim' }, `${table.edges[row[EDGE]][0]}, ${check.hop}: ${textOf(row[RESOURCE])}`),
      element('span', { class: 'observed' }, textOf(row[OBSERVED]))));
    details.addEventListener('toggle', () => fill(details, row));
    return element('li', {}, details);
  }

  function notesOf(extra) {
    const notes = extra.change ? [extra.change] : [];
    if (extra.flapping) notes.push('flapping');
    if (extra.waiver && extra.waiver.state === 'expired') notes.push('its waiver has expired');
    return notes.map((note) => `, ${note}`).join('');
  }

  function fill(details, row) {
    if (details.open && details.childElementCount === 1) details.append(body(row));
  }

  function body(row) {
    const check = table.checks[row[CHECK]];
    const [status] = table.statuses[row[STATUS]];
    const extra = extraOf(row);
    const shownAs = element('dl', {});
    const put = (name, term, ...content) =>
      shownAs.append(element('dt', { class: name }, term), element('dd', { class: name }, ...content));
    const say = (term, ...content) => put('', term, ...content);
    say('Expected', expectedOf(row));
    say('Observed', textOf(row[OBSERVED]) || '(nothing)');
    if (extra.reason) say('Why it is unknown', table.reasons[extra.reason]);
    if (extra.permissions) say('Missing permission', element('code', {}, extra.permissions.join(', ')));
    if (status === 'fail' || status === 'waived') say('What it does', table.effects[check.effect]);
    if (extra.longest_minutes !== undefined) say('Longest recording that survives', `${extra.longest_minutes} min`);
    if (extra.share !== undefined) say('Share of the addresses that fail', `${Math.round(extra.share * 100)}%`);
    if (extra.bound) say('Bound', extra.bound, extra.bound_source ? ` (${extra.bound_source})` : '');
    if (extra.waiver) say('Waiver', waiverText(extra.waiver));
    if (extra.first_seen) say('First seen', extra.first_seen);
    if (extra.flapping) say('Flapping', `It came and went ${extra.flapping} times of late.`);
    if (status !== 'pass' && status !== 'not_applicable') say('Cure', cureOf(row));
    if (extra.fix) put('screen', 'The change as data', code(extra.fix, 'The change as data'));
    if (extra.evidence) put('screen', 'Evidence', ...extra.evidence.map((one) => code(one, 'Evidence')));
    say('Source of the rule', check.source);
    if (status !== 'pass' && status !== 'not_applicable') commands(row, Boolean(extra.fix), put);
    return element('div', { class: 'body' }, shownAs);
  }

  function commands(row, fixable, put) {
    const quoted = table.edges[row[EDGE]][1];
    for (const [meaning, before, after] of fixable ? table.commands : table.commands.slice(0, 1)) {
      put('screen', meaning, element('div', { class: 'copied' },
        element('pre', {}, `${before}${quoted}${after}`),
        element('button', { type: 'button', class: 'copy', 'aria-label': `Copy: ${meaning}` }, 'Copy')));
    }
  }

  function waiverText(waiver) {
    const words = ['reason', 'approver', 'ticket', 'expires', 'timezone'].filter((key) => waiver[key])
      .map((key) => `${key}: ${waiver[key]}`).join('; ');
    return waiver.state === 'expired' ? `expired, so the finding counts again; ${words}` : words;
  }

  const code = (value, label) => element('pre', { tabindex: '0', 'aria-label': label }, JSON.stringify(value, null, 1));

  // --- the list ------------------------------------------------------------------------------------------------------

  function changed(row, word) {
    const extra = extraOf(row);
    return word === 'flapping' ? Boolean(extra.flapping) : extra.change === word;
  }

  // What was fixed passes now, so that a filter for it must show what passes.
  function showPassing(event) {
    if (event.target.id !== 'change' || event.target.value !== 'fixed') return;
    for (const box of form.querySelectorAll('[value=pass], [value=not_applicable]')) box.checked = true;
  }

  function filtered() {
    const statuses = new Set([...form.querySelectorAll('[name=status]:checked')].map((box) => box.value));
    const wanted = table.statuses.map(([kind]) => statuses.has(kind));
    const edge = byId('edge').value;
    const hop = byId('hop').value;
    const least = Number(byId('severity').value);
    const change = byId('change') ? byId('change').value : '';
    const words = byId('q').value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = table.checks.map((check) =>
      SEVERITIES.indexOf(check.severity) >= least && (hop === '' || check.hop === hop));
    const found = [];
    for (let index = 0; index < all.length; index += 1) {
      const row = all[index];
      if (wanted[row[STATUS]] && fits[row[CHECK]] && (edge === '' || row[EDGE] === Number(edge))
        && (change === '' || changed(row, change))
        && words.every((word) => haystack(index).includes(word))) found.push(index);
    }
    return found;
  }

  function show(number) {
    const portion = document.createDocumentFragment();
    for (const index of matching.slice(shown, shown + number)) portion.append(item(index));
    list.append(portion);
    shown = Math.min(matching.length, shown + number);
    more.hidden = shown === matching.length;
    more.textContent = `Show ${Math.min(PORTION, matching.length - shown)} more`;
    byId('shown').textContent = matching.length === 0 ? 'No finding matches.'
      : `${shown.toLocaleString('en')} of ${matching.length.toLocaleString('en')} matching findings shown, of ${all.length.toLocaleString('en')} in all.`;
  }

  function apply() {
    matching = filtered();
    shown = 0;
    list.replaceChildren();
    show(PORTION);
  }

  function showEdge(edge) {
    byId('edge').value = String(edge);
    for (const box of form.querySelectorAll('[name=status]')) box.checked = true;
    apply();
    byId('findings').scrollIntoView();
    byId('q').focus({ preventScroll: true });
  }

  // --- the matrix ----------------------------------------------------------------------------------------------------

  const matrix = { worst: null, edges: 0, columns: [] };

  function worstAnswers() {
    if (matrix.worst === null) {
      matrix.worst = table.edges.map(() => new Map());
      for (const row of all) {
        const of = matrix.worst[row[EDGE]];
        // Findings stand worst first.
        if (!of.has(row[CHECK])) of.set(row[CHECK], row[STATUS]);
      }
    }
    return matrix.worst;
  }

  function drawMatrix() {
    const worst = worstAnswers();
    const notable = table.statuses.findIndex(([kind]) => kind === 'pass');
    const every = byId('every').checked;
    matrix.columns = table.checks.map((_, number) => number)
      .filter((number) => every || worst.some((of) => of.has(number) && of.get(number) < notable));
    matrix.edges = 0;
    const head = element('tr', {}, element('th', { scope: 'col' }, 'Edge'),
      ...matrix.columns.map((number) =>
        element('th', { scope: 'col', title: table.checks[number].title }, table.checks[number].id)));
    const grid = byId('grid');
    grid.replaceChildren(grid.caption, element('thead', {}, head), element('tbody', {}));
    moreEdges();
  }

  function moreEdges() {
    const worst = worstAnswers();
    const until = Math.min(table.edges.length, matrix.edges + EDGES_A_PORTION);
    for (let edge = matrix.edges; edge < until; edge += 1) {
      byId('grid').tBodies[0].append(element('tr', {}, element('th', { scope: 'row' }, table.edges[edge][0]),
        ...matrix.columns.map((number) => element('td', { title: `${table.edges[edge][0]}, ${table.checks[number].title}` },
          worst[edge].has(number) ? badge(worst[edge].get(number), true) : ''))));
    }
    matrix.edges = until;
    byId('more-edges').hidden = until === table.edges.length;
  }

  // --- the page ------------------------------------------------------------------------------------------------------

  async function copy(button) {
    const text = button.parentElement.querySelector('pre').textContent;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(button.parentElement.querySelector('pre'));
      button.textContent = 'Selected; press Ctrl+C';
    }
    setTimeout(() => { button.textContent = before; }, 2500);
  }

  function openTarget() {
    const target = location.hash.startsWith('#edge-') ? byId(location.hash.slice(1)) : null;
    if (target) target.open = true;
  }

  const opened = [];

  // On paper the failing findings are whole, the others a line; what was opened by hand stays open.
  function beforePrint() {
    show(Math.max(0, PRINTED - shown));
    matching.slice(0, shown).forEach((index, place) => {
      const details = list.children[place].firstChild;
      if (details.open || details.classList.contains('line')) return;
      open(details);
      fill(details, all[index]);
    });
    document.querySelectorAll('details.edge:not([open])').forEach(open);
  }

  function open(details) {
    opened.push(details);
    details.open = true;
  }

  function afterPrint() {
    for (const details of opened.splice(0)) details.open = false;
  }

  function options(select, values) {
    for (const [value, text] of values) select.append(element('option', { value }, text));
  }

  options(byId('edge'), table.edges.map(([name], number) => [String(number), name]));
  options(byId('hop'), [...new Set(table.checks.map((check) => check.hop))].map((hop) => [hop, hop]));
  let waiting = 0;
  byId('q').addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(apply, 150); });
  form.addEventListener('change', showPassing);
  form.addEventListener('change', (event) => { if (event.target.id !== 'q') apply(); });
  form.addEventListener('reset', () => setTimeout(apply));
  form.addEventListener('submit', (event) => { event.preventDefault(); apply(); });
  more.addEventListener('click', () => {
    const first = shown;
    show(PORTION);
    list.children[first].querySelector('summary').focus();
  });
  byId('matrix-box').addEventListener('toggle', () => { if (matrix.worst === null) drawMatrix(); });
  byId('every').addEventListener('change', drawMatrix);
  byId('more-edges').addEventListener('click', moreEdges);
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button && button.classList.contains('copy')) copy(button);
    if (button && button.classList.contains('show')) showEdge(button.dataset.edge);
  });
  addEventListener('hashchange', openTarget);
  addEventListener('beforeprint', beforePrint);
  addEventListener('afterprint', afterPrint);
  document.documentElement.classList.add('js');
  apply();
  openTarget();
})();
