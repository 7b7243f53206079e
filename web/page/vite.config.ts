import { defineConfig, type Plugin } from "vite";

// Where the server writes a fresh nonce into every answer; as long as one (../server/page.c).
const NONCE = "@@drn-nonce-goes-here-32-chars@@";

// One file: the program and the styles go into the page, each with the nonce.
function singleFile(): Plugin {
  return {
    name: "single-file",
    enforce: "post",
    generateBundle(_options, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("no index.html");
      let html = String(page.source).replace(/>\s+</g, (gap) => (gap.includes("\n") ? ">\n<" : "> <"));
      for (const [name, part] of Object.entries(bundle)) {
        if (part === page) continue;
        const tag = name.endsWith(".css") ? "style" : "script";
        const text = part.type === "chunk" ? part.code : String(part.source);
        if (text.includes(`</${tag}`)) throw new Error(`${name} contains </${tag}`);
        const link =
          tag === "style"
            ? new RegExp(`\\s*<link[^>]*${name}[^>]*>`)
            : new RegExp(`\\s*<script[^>]*${name}[^>]*></script>`);
        if (!link.test(html)) throw new Error(`${name} is not in the page`);
        const kind = tag === "script" ? ' type="module"' : "";
        html = html.replace(link, () => `\n<${tag}${kind} nonce="${NONCE}">${text.trim()}</${tag}>`);
        delete bundle[name];
      }
      page.source = html;
    },
  };
}

export default defineConfig({
  plugins: [singleFile()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: false, reportCompressedSize: false },
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
