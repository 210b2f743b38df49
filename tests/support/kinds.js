// Elements with a text that look like none before, on this page or an earlier one of the same tab. A kind is all that a
// contrast depends on: colour and size of the text, and of it and what it lies in whatever paints or stacks.
// A single character is of none: axe-core leaves open whether it is a text.
() => {
  const PAPER = ["backgroundColor", "backgroundImage", "opacity", "filter", "mixBlendMode", "position", "zIndex", "visibility"];
  const INK = ["color", "fontSize", "fontWeight", "textShadow"];
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
  const isNew = element => {
    const isControl = element.matches("input, select, textarea, button");
    if ((!isControl && own(element).length < 2) || !element.checkVisibility() || !element.getClientRects().length) return false;
    const look = [isControl, element.matches(":disabled, [aria-disabled]"), paper(element), looks(element, INK)].join(" on "), known = look in sessionStorage;
    number(look);
    return !known;
  };
  return [...document.body.querySelectorAll("*")].filter(isNew);
}
