"""What makes a page readable for everybody, as expressions that a browser is asked."""

from __future__ import annotations

OVERFLOWING = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FAINT = """(() => {
  const number = text => text.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const ground = node => { for (; node; node = node.parentElement) {
    const found = number(getComputedStyle(node).backgroundColor);
    if (found.length < 4 || found[3] > 0) return found; }
    return [255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = [];
  for (let text; text = walker.nextNode();) {
    if (!text.data.trim()) continue;
    const lights = [light(number(getComputedStyle(text.parentElement).color)), light(ground(text.parentElement))];
    const ratio = (Math.max(...lights) + .05) / (Math.min(...lights) + .05);
    if (ratio < 4.5) faint.push([text.data.trim().slice(0, 40), ratio.toFixed(2)]);
  }
  return faint; })()"""
"""Words whose contrast is below what WCAG 2.2 wants of small text (1.4.3, level AA)."""
LACKS = """(() => {
  const all = name => [...document.querySelectorAll(name)], lacks = [];
  const need = (fine, words) => fine || lacks.push(words);
  need(document.documentElement.lang, 'lang');
  need(document.title, 'title');
  for (const name of ['h1', 'main']) need(all(name).length === 1, 'one ' + name);
  for (const name of ['body > header', 'body > footer']) need(all(name).length <= 1, 'one ' + name);
  const levels = all('h1, h2, h3').map(one => +one.tagName[1]);
  need(levels.every((level, i) => i === 0 ? level === 1 : level - levels[i - 1] <= 1), 'headings in order');
  need(all('img').every(one => one.alt), 'alt');
  need(all('[aria-labelledby]').every(one => document.getElementById(one.getAttribute('aria-labelledby'))), 'labels');
  need(all('[role=row]').every(one => one.querySelector('th')), 'a header in each row');
  need(all('a').every(one => one.querySelector('img[alt]') || one.textContent.trim()), 'links with names');
  need(new Set(all('[id]').map(one => one.id)).size === all('[id]').length, 'ids that stand once');
  need(all('script').length === 0 && all('*').every(one => [...one.attributes].every(a => !a.name.startsWith('on'))),
    'no script');
  need(all('[style]').length === 0, 'no style in an element');
  return lacks; })()"""
"""Our own rules: landmarks, headings, names, labels."""
