/** How the page looks. In a module of its own, because only modules are part of an image. */
export const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
label { display: grid; grid-template-columns: 8rem 1fr; margin: .4rem 0; }
input, textarea { font: 13px ui-monospace, monospace; padding: .3rem; }
button { margin: .6rem 0 .6rem 8rem; padding: .4rem 1.5rem; }
output { display: block; font-weight: 600; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid #8884; padding: .3rem .6rem .3rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child, td:nth-child(2) { white-space: nowrap; overflow-wrap: normal; }
.passed td:first-child { color: #2a8a3a; }
.failed, .failed td:first-child { color: #c62828; }
.open td:first-child { color: #b26a00; }
`;
