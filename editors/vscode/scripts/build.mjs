// Bundles the extension and its view into dist: node scripts/build.mjs [--minify] [--watch]
import { copyFileSync, mkdirSync } from "node:fs";
import { context } from "esbuild";

const minify = process.argv.includes("--minify");
const shared = { bundle: true, minify, sourcemap: !minify, logLevel: "warning" };
const builds = await Promise.all([
	context({ ...shared, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js", platform: "node", format: "cjs", target: "node20", external: ["vscode"] }),
	context({ ...shared, entryPoints: ["webview/main.ts"], outfile: "dist/view.js", platform: "browser", format: "iife", target: "es2022" }),
]);
mkdirSync("dist", { recursive: true });
copyFileSync("webview/view.css", "dist/view.css");
if (process.argv.includes("--watch")) await Promise.all(builds.map((build) => build.watch()));
else for (const build of builds) {
	await build.rebuild();
	await build.dispose();
}
