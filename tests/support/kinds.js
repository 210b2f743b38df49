// Marks the elements with a text that look like none before, on this page or an earlier one of the same tab, by data-new,
// and says how many. A kind is all that a contrast depends on: colour and size of the text, and of it and what it lies in
// whatever paints or stacks; for a link also what sets it off from the text around it, and that text's own looks.
// A single character is of none: axe-core leaves open whether it is a text.
() => {
  const PAPER = ["backgroundColor", "backgroundImage", "opacity", "filter", "mixBlendMode", "position", "zIndex", "visibility"];
  const INK = ["color", "fontSize", "fontWeight", "textShadow"];
  const SET_OFF = ["display", "fontStyle", "fontFamily", "textDecorationLine", "borderBottomStyle", "borderBottomWidth", "borderBottomColor"];
  const number = text => { sessionStorage[text] ??= sessionStorage.length; return sessionStorage[text]; };
  const looks = (element, names) => { const style = getComputedStyle(element); return names.map(name => style[name]).join("|"); };
  const clear = "rgba(0, 0, 0, 0)|none|1|none|normal|static|auto|visible";
  const papers = new Map([[null, ""]]);
  const paper = element => {
    if (!papers.has(element)) {
      const under = paper(element.parentElement), own = looks(element, PAPER);
      papers.set(element, own === clear ? under : number(`${under}|${own}`));
    }
    return papers.get(element);
  };
  const own = element => [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join("");
  const around = link => {
    let block = link.parentElement;
    while (block.parentElement && /^(inline|contents)/.test(getComputedStyle(block).display)) block = block.parentElement;
    const hasMore = block.textContent.trim() !== link.textContent.trim();
    return [looks(link, SET_OFF), hasMore, paper(block), looks(block, INK), looks(block, SET_OFF)].join(" in ");
  };
  const isNew = element => {
    const isControl = element.matches("input, select, textarea, button"), isLink = element.matches("a[href], [role=link]");
    const text = isLink ? element.textContent.trim() : own(element);
    if ((!isControl && text.length < 2) || !element.checkVisibility() || !element.getClientRects().length) return false;
    const look = [isControl, element.matches(":disabled, [aria-disabled]"), paper(element), looks(element, INK), isLink && around(element)].join(" on "), known = look in sessionStorage;
    number(look);
    return !known;
  };
  document.querySelectorAll("[data-new]").forEach(element => element.removeAttribute("data-new"));
  const found = [...document.body.querySelectorAll("*")].filter(isNew);
  found.forEach(element => { element.dataset.new = ""; });
  return found.length;
}
