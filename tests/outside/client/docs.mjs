// Opens /docs/ in a headless Chromium, unfolds an operation of each noun, and proves that nobody else was asked for anything.
// Needs URL; leaves a picture of it in TOOLS.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";

const { URL: base, TOOLS: pictures } = process.env;
assert(base && pictures, "URL and TOOLS are needed");
const executablePath = execFileSync(new globalThis.URL("../chromium.sh", import.meta.url).pathname, { encoding: "utf8" }).trim();
const browser = await chromium.launch({
    executablePath,
    // Inside a container Chromium has neither a sandbox nor much shared memory. The rest keeps it from calling home.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"],
});
try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
    const asked = [];
    const faults = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("response", (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(`${base}/docs/`);
    await page.waitForSelector(".opblock-tag-section");

    const document = await (await fetch(`${base}/openapi.json`)).json();
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
        Object.entries(item).map(([method, operation]) => ({ path, method, id: operation.operationId, tag: operation.tags[0] })),
    );
    const tags = [...new Set(operations.map((operation) => operation.tag))];
    const shown = await page.$$eval(".opblock-tag", (all) => all.map((one) => one.getAttribute("data-tag")));
    assert.deepEqual(shown.toSorted(), tags.toSorted(), "every tag is shown, and no other");

    let unfolded = 0;
    for (const tag of tags) {
        const section = page.locator(".opblock-tag-section", { has: page.locator(`.opblock-tag[data-tag="${tag}"]`) });
        if ((await section.locator(".opblock-tag").getAttribute("data-is-open")) !== "true") {
            await section.locator(".opblock-tag").click();
        }
        const mine = operations.filter((operation) => operation.tag === tag);
        await section.locator(".opblock").nth(mine.length - 1).waitFor();
        assert.equal(await section.locator(".opblock").count(), mine.length, `every operation of ${tag} is shown, and no other`);
        // One of the noun itself is unfolded, what makes one where there is that, else the first; the others are made alike.
        const own = mine.filter(({ path }) => !path.includes("{id}/"));
        const { id } = own.find(({ method }) => method === "post") ?? own[0];
        const block = page.locator(`#operations-${tag}-${id}`);
        await block.locator(".opblock-summary-control").click();
        await block.locator(".responses-wrapper .response-col_status").nth(1).waitFor();
        const text = await block.innerText();
        assert(!/could not resolve|failed to load/i.test(text), `${id}: ${text.slice(0, 500)}`);
        await block.screenshot({ path: `${pictures}/docs-${tag}.png` });
        unfolded += 1;
        await section.locator(".opblock-tag").click();
    }

    // Somebody tries an operation out, in the page.
    await page.locator('.opblock-tag[data-tag="programme-phases"]').click();
    const list = page.locator("#operations-programme-phases-list_programme_phases");
    await list.locator(".opblock-summary-control").click();
    await list.locator(".try-out__btn").click();
    await list.locator(".execute").click();
    await list.locator(".live-responses-table .response-col_status").getByText("200").first().waitFor();

    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: `${pictures}/docs.png` });
    const strangers = asked.filter((address) => new globalThis.URL(address).origin !== base && !/^(data|blob):/.test(address));
    assert.deepEqual(strangers, [], "nobody else was asked");
    assert.deepEqual(faults, [], "the page is without fault");
    console.log(`${tags.length} tags, ${operations.length} operations, ${unfolded} unfolded, ${asked.length} requests, none elsewhere`);
} finally {
    await browser.close();
}
