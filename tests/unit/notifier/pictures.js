// Looks at every letter on the page as a reader would: what is wider than its screen, and what is too pale to be read.

function channels(color) {
  const [red, green, blue, opacity = 1] = color.match(/[\d.]+/g).map(Number);
  return { rgb: [red, green, blue], opacity };
}

function luminance(rgb) {
  const [red, green, blue] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function backgroundOf(element, view) {
  for (let one = element; one; one = one.parentElement) {
    const { rgb, opacity } = channels(view.getComputedStyle(one).backgroundColor);
    if (opacity > 0) return rgb;
  }
  return [255, 255, 255];
}

function contrastOf(element, view) {
  const text = luminance(channels(view.getComputedStyle(element).color).rgb);
  const ground = luminance(backgroundOf(element, view));
  return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
}

function faultsOf(frame) {
  const { contentDocument: page, contentWindow: view, title } = frame;
  const faults = [];
  if (page.documentElement.scrollWidth > page.documentElement.clientWidth)
    faults.push(`${title} is ${page.documentElement.scrollWidth} wide`);
  for (const element of page.body.querySelectorAll("*")) {
    const said = [...element.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.data.trim());
    if (said && element.offsetHeight > 0 && contrastOf(element, view) < LEAST_CONTRAST)
      faults.push(`${title} is pale: ${element.textContent.trim().slice(0, 40)}`);
  }
  return faults;
}

addEventListener("load", () => {
  const frames = [...document.querySelectorAll("iframe")];
  for (const frame of frames) frame.height = frame.contentDocument.documentElement.scrollHeight;
  const seen = document.createElement("pre");
  seen.id = "seen";
  seen.hidden = true;
  seen.textContent = JSON.stringify({ faults: frames.flatMap(faultsOf), height: document.documentElement.scrollHeight });
  document.body.append(seen);
});
