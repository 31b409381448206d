// Reads jobs as JSON from standard input and answers with one JSON list; every page is opened in one browser.
// A job: {page, audit: true | absent, pictures: [{file, width, media}], policy: true | absent}
// Needs axe-core and playwright-core; CHROMIUM names the browser. A request that is no file is aborted and counted.
const { chromium } = require("playwright-core");
const fs = require("fs");
const path = require("path");

const SCREEN = { width: 1280, height: 900 };
const NARROWEST = 320; // pixels at which text must reflow (WCAG 1.4.10)

async function opened(browser, file, settings) {
  const context = await browser.newContext({ viewport: SCREEN, reducedMotion: "reduce", ...settings });
  const page = await context.newPage();
  const external = [];
  await page.route("**/*", (route) => {
    const address = route.request().url();
    if (/^(file|data):/.test(address)) return route.continue();
    external.push(address.slice(0, 100));
    return route.abort();
  });
  await page.goto("file://" + path.resolve(file), { waitUntil: "load" });
  return { context, page, external };
}

const unfold = (page) => page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));

// The counters of what axe does not see, or sees only as a warning.
const counters = () => {
  const all = (query) => [...document.querySelectorAll(query)];
  const interactive = /^(A|BUTTON|INPUT|SELECT|TEXTAREA|SUMMARY)$/;
  const named = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.querySelector("title");
  const generic = /^(|figure|image|picture|kuva|bild|No description has been provided.*)$/i;
  const levels = all("h1,h2,h3,h4,h5,h6").map((h) => +h.tagName[1]);
  return {
    genericAlternatives: all("img").filter((i) => generic.test((i.alt || "").trim())).length,
    picturesWithoutName: all("svg:not([aria-hidden=true])").filter((s) => !named(s)).length,
    tabStopsNotInteractive: all('[tabindex="0"]').filter(
      (e) => !interactive.test(e.tagName) && e.scrollWidth <= e.clientWidth + 1).length,
    tablesWithoutCaption: all("table").filter((t) => !t.caption || !t.caption.textContent.trim()).length,
    headersWithoutScope: all("th:not([scope])").length,
    headersEmpty: all("th").filter((t) => !t.textContent.trim()).length,
    skipLinkMissing: document.querySelector("a.skip[href^='#']") ? 0 : 1,
    navigationMissing: document.querySelector("nav") ? 0 : 1,
    languageMissing: document.documentElement.lang ? 0 : 1,
    titleMissing: document.title.trim() ? 0 : 1,
    headingsOfFirstLevelNotOne: Math.abs(levels.filter((l) => l === 1).length - 1),
    headingLevelsSkipped: levels.filter((l, i) => l > (i ? levels[i - 1] : 0) + 1).length,
    standardErrorBlocks: all('[data-mime-type="application/vnd.jupyter.stderr"],.output_stderr').length,
    scripts: document.scripts.length,
  };
};

const told = (found) => found.map((v) => `${v.id} (${v.impact}) x${v.nodes.length}: ${v.nodes[0].html.slice(0, 200)}`);

async function audit(browser, file, alsoNarrow) {
  const { context, page, external } = await opened(browser, file, { bypassCSP: true });
  await unfold(page);
  const own = await page.evaluate(counters);
  await page.addScriptTag({ path: require.resolve("axe-core/axe.min.js") });
  const run = () => page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const wide = await run();
  await page.setViewportSize({ width: NARROWEST, height: 800 });
  const narrow = alsoNarrow ? await run() : { violations: [] };
  const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
  const violations = [...told(wide.violations), ...told(narrow.violations)];
  const answer = { violations, rules: wide.passes.length, own, external, scrollWidthAt320: scroll };
  answer.language = await page.getAttribute("html", "lang");
  await context.close();
  return answer;
}

// What is cut off: text that ends right of the screen and stands in no box that scrolls or that
// is for screen readers alone.
const cut = () => {
  const apart = (e) => {
    for (let up = e; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (/auto|scroll/.test(style.overflowX) || style.clipPath !== "none") return true;
    }
    return false;
  };
  const edge = document.documentElement.clientWidth + 1;
  const shown = [...document.querySelectorAll("main *, header *, footer *")].filter((e) => e.getClientRects().length);
  const texts = shown.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  return texts.filter((e) => e.getBoundingClientRect().right > edge && !apart(e) && !e.closest(".skip"))
    .map((e) => e.textContent.trim().slice(0, 60));
};

async function picture(browser, file, { file: target, width, media }) {
  const { context, page } = await opened(browser, file, { viewport: { width, height: 900 } });
  await page.emulateMedia({ media });
  if (target) await page.screenshot({ path: target, fullPage: true });
  const answer = await page.evaluate(() => {
    const root = document.documentElement;
    const words = document.querySelector("main").innerText.trim().split(/\s+/).length;
    const drawn = [...document.querySelectorAll("main svg")].filter((s) => s.getBoundingClientRect().width > 40);
    return { scroll: root.scrollWidth, height: root.scrollHeight, words, figures: drawn.length };
  });
  const result = { width, media, ...answer, cut: await page.evaluate(cut) };
  await context.close();
  return result;
}

// The page looks the same with its content policy and without: nothing of it is refused.
async function policyChangesNothing(browser, file) {
  const pictures = [];
  for (const bypassCSP of [false, true]) {
    const { context, page } = await opened(browser, file, { bypassCSP });
    await unfold(page);
    pictures.push(await page.screenshot({ fullPage: true }));
    await context.close();
  }
  return pictures[0].equals(pictures[1]);
}

(async () => {
  const jobs = JSON.parse(fs.readFileSync(0, "utf8"));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
  const answers = [];
  for (const job of jobs) {
    const answer = { page: job.page };
    if (job.audit) Object.assign(answer, await audit(browser, job.page, job.narrow));
    answer.pictures = [];
    for (const wanted of job.pictures || []) answer.pictures.push(await picture(browser, job.page, wanted));
    if (job.policy) answer.policyChangesNothing = await policyChangesNothing(browser, job.page);
    answers.push(answer);
  }
  await browser.close();
  process.stdout.write(JSON.stringify(answers));
})().catch((error) => {
  process.stderr.write(String(error.stack || error));
  process.exit(1);
});
