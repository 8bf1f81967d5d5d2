import { themeVariables } from './theme.ts';

/** Everything that the page needs to look right: screen in both themes, phone, A4. */
export const pageStyle = `
${themeVariables(':root')}
*{box-sizing:border-box}
html{background:var(--surface);color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:62rem;padding:1.5rem 1rem 4rem;--verdict:var(--line)}
.confirmed{--verdict:var(--confirmed)}
.refuted{--verdict:var(--refuted)}
.inconclusive{--verdict:var(--inconclusive)}
.invalid{--verdict:var(--invalid)}
body.invalid{border-inline:10px solid;border-image:repeating-linear-gradient(45deg,var(--invalid) 0 12px,var(--surface) 12px 24px) 10}
header{border-top:6px solid var(--verdict);padding-top:.9rem}
h1{font-size:clamp(1.25rem,1rem + 1.6vw,1.75rem);line-height:1.3;font-weight:600;margin:0 0 .6rem;text-wrap:pretty;overflow-wrap:anywhere}
.badge{color:var(--verdict);font-weight:800;letter-spacing:.02em;white-space:nowrap}
body.invalid .badge{background:var(--invalid);color:var(--surface);padding:.05em .4em}
.warning{border-left:4px solid var(--inconclusive);padding-left:.7rem}
.warning b{color:var(--inconclusive)}
.title{color:var(--muted);margin:0 0 1rem}
header p{margin:.35rem 0}
header ul{margin:.2rem 0 .7rem;padding-left:1.4rem;max-width:44rem}
h2{font-size:1.2rem;line-height:1.3;margin:2.6rem 0 .7rem;padding-top:.7rem;border-top:1px solid var(--line)}
p{margin:.7rem 0;max-width:44rem}
li{margin:.25rem 0}
a{color:var(--after);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--after);outline-offset:2px}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.15rem 1rem;margin:1.3rem 0 0;padding:0;font-size:.875rem}
nav li{margin:0}
.runs{list-style:none;padding:0;margin:1.3rem 0 0}
.runs li{margin:.4rem 0}
.runs .title{font-size:.875rem}
figure{margin:1rem 0 .5rem}
img{display:block;max-width:100%;height:auto;margin:.8rem 0}
figure svg{display:block;max-width:100%;height:auto}
figure svg.narrow{display:none}
figcaption{font-size:.875rem;color:var(--muted);max-width:44rem;margin-top:.5rem}
figcaption b{color:var(--ink)}
details{margin:.5rem 0 1rem}
summary{cursor:pointer;font-size:.875rem;color:var(--muted);padding:.3rem 0}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.84rem;line-height:1.35;font-variant-numeric:tabular-nums;min-width:100%}
caption{text-align:left;font-weight:600;padding-bottom:.4rem}
caption span{display:inline-block;position:sticky;left:0;max-width:calc(100vw - 2.5rem)}
th,td{padding:.34rem .55rem;border-bottom:1px solid var(--line);vertical-align:top;text-align:left;font-weight:400}
thead th{font-weight:600;border-bottom:1.5px solid var(--ink);vertical-align:bottom}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
th.n,td:not([class]){text-align:right}
tbody th{min-width:8.5rem}
td.t{overflow-wrap:break-word;min-width:5rem}
pre{background:var(--panel);border:1px solid var(--line);border-radius:4px;padding:.7rem .9rem;overflow-x:auto;font-size:.84rem}
@media (max-width:46.5rem){
figure svg.wide{display:none}
figure svg.narrow{display:block}
body{padding-inline:.75rem}
td.w{min-width:12rem}
.sentences :is(table,caption,tbody,tr,th,td){display:block;position:static;min-width:0;padding:0}
.sentences thead{display:none}
.sentences tr{border-bottom:1px solid var(--line);padding:.5rem 0}
.sentences :is(th,td){border:0;margin-bottom:.3rem}
.sentences th{font-weight:600}
.sentences td::before{content:attr(data-label) ": ";color:var(--muted)}
th:first-child{position:sticky;left:0;background:var(--surface)}
body.invalid{border-inline-width:6px}
}
@media print{
@page{size:A4;margin:16mm 14mm}
html{font-size:10pt}
body{padding:0;max-width:none}
nav,details:not([open]){display:none}
figure svg.wide{display:block}
figure svg.narrow{display:none}
figure,img,tr,pre{break-inside:avoid}
h2,caption{break-after:avoid}
.scroll{overflow:visible}
table{font-size:7.6pt;width:100%}
th,td,tbody th,td.w{min-width:0;padding:.25rem .3rem;overflow-wrap:anywhere}
thead th{hyphens:auto}
table:not(.many) thead th{overflow-wrap:normal}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
}
`.trim();
