// WCAG 2.2, 1.4.3 and 1.4.11 at level AA: contrasts of texts and of what curves and bars are, over what they have to be.
() => {
  const numbers = colour => colour.match(/[\d.]+/g).map(Number);
  const light = colour => numbers(colour).slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = element => {
    const colour = getComputedStyle(element).backgroundColor;
    return (numbers(colour)[3] ?? 1) > 0 ? colour : element.parentElement ? paper(element.parentElement) : "rgb(255, 255, 255)";
  };
  const contrast = (one, other) => {
    const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const found = {};
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const isText = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (isText && !["script", "style"].includes(element.tagName.toLowerCase()))
      found[element.className + " " + element.textContent.slice(0, 20)] =
        contrast(element.closest("svg") ? style.fill : style.color, paper(element)) / 4.5;
    if (element.matches("figure svg path[style*='--run'], .bar, .swatch, .dot"))
      found[element.outerHTML.slice(0, 60)] =
        contrast(element.closest("svg") ? style.stroke === "none" ? style.color : style.stroke : style.backgroundColor, paper(element.parentElement)) / 3;
  }
  found.placeholder = contrast(getComputedStyle(document.getElementById("filter"), "::placeholder").color, paper(document.getElementById("filter"))) / 4.5;
  return found;
}
