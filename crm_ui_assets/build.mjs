// Builds the browser libraries: node build.mjs <output folder>
// Each facade below becomes one ES module and one name in the page's import map.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

const out = process.argv[2];
if (!out) throw new Error('usage: node build.mjs <output folder>');

const FACADES = {
  // The live-updates extension must register before htmx looks at the page, hence one module.
  'htmx': `
    import htmx from 'htmx.org/dist/htmx.esm.js';
    import 'htmx.org/dist/ext/hx-sse.js';
    export { htmx }; export default htmx;`,
  'lit': `
    export * from 'lit';
    export { classMap } from 'lit/directives/class-map.js';
    export { guard } from 'lit/directives/guard.js';
    export { ifDefined } from 'lit/directives/if-defined.js';
    export { keyed } from 'lit/directives/keyed.js';
    export { live } from 'lit/directives/live.js';
    export { createRef, ref } from 'lit/directives/ref.js';
    export { repeat } from 'lit/directives/repeat.js';
    export { when } from 'lit/directives/when.js';`,
  'sortablejs': `import Sortable from 'sortablejs'; export { Sortable }; export default Sortable;`,
  'echarts': `
    import { use, registerLocale } from 'echarts/core';
    import { BarChart, FunnelChart, GaugeChart, HeatmapChart, LineChart, PieChart, ScatterChart } from 'echarts/charts';
    import { AriaComponent, DatasetComponent, GraphicComponent, GridComponent, LegendComponent, MarkLineComponent,
      TitleComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
    import { LabelLayout } from 'echarts/features';
    import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';
    import german from 'echarts/i18n/langDE-obj.js';
    use([BarChart, FunnelChart, GaugeChart, HeatmapChart, LineChart, PieChart, ScatterChart, AriaComponent,
      DatasetComponent, GraphicComponent, GridComponent, LegendComponent, MarkLineComponent, TitleComponent,
      TooltipComponent, VisualMapComponent, LabelLayout, CanvasRenderer, SVGRenderer]);
    registerLocale('DE', german);
    export * from 'echarts/core';`,
  'tiptap': `
    export { Editor, Extension, InputRule, Mark, Node, mergeAttributes } from '@tiptap/core';
    export { Plugin, PluginKey } from '@tiptap/pm/state';
    export { default as StarterKit } from '@tiptap/starter-kit';
    export { default as Suggestion } from '@tiptap/suggestion';`,
  'event-calendar': `export * from '@event-calendar/core';`,
  'tom-select': `import TomSelect from 'tom-select'; export { TomSelect }; export default TomSelect;`,
  'signature_pad': `import SignaturePad from 'signature_pad'; export { SignaturePad }; export default SignaturePad;`,
};
const STYLES = {
  'event-calendar': '@event-calendar/core/dist/index.css',
  'inter': '@fontsource-variable/inter/wght.css',
  'tom-select': 'tom-select/dist/css/tom-select.css',
};
// For documents drawn on the server, which needs whole TrueType files; a browser never asks for them.
const DOCUMENT_FONTS = {
  'noto-sans': ['400Regular/NotoSans_400Regular', '400Regular_Italic/NotoSans_400Regular_Italic',
    '700Bold/NotoSans_700Bold', '700Bold_Italic/NotoSans_700Bold_Italic'],
  'noto-sans-arabic': ['400Regular/NotoSansArabic_400Regular', '700Bold/NotoSansArabic_700Bold'],
  'noto-sans-hebrew': ['400Regular/NotoSansHebrew_400Regular', '700Bold/NotoSansHebrew_700Bold'],
};
// `BSD-0-Clause` is how htmx spells 0BSD.
const PERMISSIVE = new Set(['0BSD', 'Apache-2.0', 'BSD-0-Clause', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT',
  'MIT AND OFL-1.1', 'OFL-1.1']);

const json = async (file) => JSON.parse(await readFile(file, 'utf8'));

const facades = {
  name: 'facades',
  setup(bundler) {
    bundler.onResolve({ filter: /^facade:/ }, ({ path: name }) => ({ path: name.slice(7), namespace: 'facade' }));
    bundler.onLoad({ filter: /.*/, namespace: 'facade' }, ({ path: name }) => (
      { contents: FACADES[name], resolveDir: process.cwd(), loader: 'js' }));
  },
};

async function modules() {
  await build({
    entryPoints: Object.fromEntries(Object.keys(FACADES).map((name) => [name, `facade:${name}`])),
    outdir: path.join(out, 'vendor'), chunkNames: 'chunk-[hash]', plugins: [facades],
    bundle: true, format: 'esm', splitting: true, minify: true, target: 'es2022',
    conditions: ['browser', 'production'], define: { 'process.env.NODE_ENV': '"production"' }, legalComments: 'linked',
  });
}

async function styles() {
  await build({
    entryPoints: Object.fromEntries(Object.entries(STYLES).map(([name, file]) => [name, `node_modules/${file}`])),
    outdir: path.join(out, 'css'), assetNames: '../fonts/[name]', loader: { '.woff2': 'file' },
    bundle: true, minify: true, target: 'es2022', legalComments: 'inline',
  });
}

async function documentFonts() {
  const folder = path.join(out, 'ttf');
  await mkdir(folder, { recursive: true });
  for (const [name, files] of Object.entries(DOCUMENT_FONTS)) {
    for (const file of files) {
      await copyFile(`node_modules/@expo-google-fonts/${name}/${file}.ttf`, path.join(folder, `${path.basename(file)}.ttf`));
    }
  }
}

// One file with the inside of every icon; filled variants are called `<name>-filled`.
async function icons() {
  const packed = {};
  for (const [set, suffix] of [['outline', ''], ['filled', '-filled']]) {
    const nodes = await json(`node_modules/@tabler/icons/tabler-nodes-${set}.json`);
    for (const [name, shapes] of Object.entries(nodes)) {
      packed[name + suffix] = shapes.map(([tag, attributes]) => (
        `<${tag}${Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`).join('')}/>`)).join('');
    }
  }
  await writeFile(path.join(out, 'icons.json'), JSON.stringify(packed));
}

// Every package that is not a build tool: some ship others inside their own bundle, where no bundler sees them.
async function licences() {
  const { packages } = await json('package-lock.json');
  const names = Object.keys(packages).filter((key) => key && !packages[key].dev && !packages[key].optional)
    .map((key) => key.slice('node_modules/'.length)).sort();
  const parts = await Promise.all(names.map(async (name) => {
    const folder = path.join('node_modules', name);
    const about = await json(path.join(folder, 'package.json'));
    if (!PERMISSIVE.has(about.license)) throw new Error(`${name}: licence ${about.license} is not on the list`);
    const files = (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && /^(licen[cs]e|copying)/i.test(entry.name)).map((entry) => entry.name).sort();
    const texts = await Promise.all(files.map(async (file) => (await readFile(path.join(folder, file), 'utf8')).trim()));
    const text = texts.join('\n\n') || '(the package carries no licence text)';
    return `${name} ${about.version} - ${about.license}\n${'-'.repeat(72)}\n${text}\n`;
  }));
  await writeFile(path.join(out, 'THIRD_PARTY_LICENSES.txt'), parts.join('\n\n'));
}

async function manifest() {
  const { dependencies } = await json('package.json');
  const named = (names, folder, ending) => Object.fromEntries(names.map((name) => [name, `${folder}/${name}.${ending}`]));
  await writeFile(path.join(out, 'manifest.json'), JSON.stringify({
    imports: named(Object.keys(FACADES), 'vendor', 'js'),
    styles: named(Object.keys(STYLES), 'css', 'css'),
    versions: dependencies,
  }, null, 1));
}

await mkdir(out, { recursive: true });
await Promise.all([modules(), styles(), documentFonts(), icons(), licences(), manifest()]);
