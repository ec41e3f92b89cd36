// Lists visible texts whose colour stands out less than 4.5 to 1 from what is behind them
// (WCAG 2.2, relative luminance and contrast ratio); large text may stand out 3 to 1.
() => {
  const parsed = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return colour.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = parsed(getComputedStyle(e).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const found = new Map();
  const look = (element, words, colour) => {
    const style = getComputedStyle(element);
    const behind = ground(element);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const contrast = ratio(over(parsed(colour), behind), behind);
    const line = `${contrast.toFixed(2)}: ${words.trim().slice(0, 50)} (${element.tagName} ${element.className}, ${colour} on ${behind.map(Math.round)})`;
    if (contrast < (large ? 3 : 4.5)) found.set(`${element.className}${colour}`, line);
  };
  const isDisabled = (element) => element.closest(":disabled, [aria-disabled=true]");
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const box = element.getBoundingClientRect();
    const isShown = texts.currentNode.data.trim() && box.width > 1 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!isShown || isDisabled(element) || element.closest("option")) continue;
    const style = getComputedStyle(element);
    look(element, texts.currentNode.data, element instanceof SVGElement ? style.fill : style.color);
  }
  for (const field of document.querySelectorAll("input, textarea, select")) {
    if (!field.checkVisibility() || isDisabled(field) || ["checkbox", "radio", "range"].includes(field.type)) continue;
    look(field, field.value || "a value", getComputedStyle(field).color);
    if (field.placeholder) look(field, field.placeholder, getComputedStyle(field, "::placeholder").color);
  }
  return [...found.values()];
}
