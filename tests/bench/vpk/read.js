// SPDX-License-Identifier: LGPL-2.1-or-later
// read.js FILE...: the campaigns in VPKs, as read-campaigns prints them, read with the package vpk of npm.
"use strict";

const VPK = require("vpk");

// KeyValues: quoted or bare words and braces; what our tests write, no more.
function parse(text) {
        const words = text.match(/"[^"]*"|[{}]|[^\s{}"]+/g) || [];
        let at = 0;

        function block() {
                const pairs = [];
                while (at < words.length && words[at] !== "}") {
                        const key = words[at++].replace(/"/g, "");
                        if (words[at] === "{") {
                                at++;
                                pairs.push([key, block()]);
                                at++;
                        } else {
                                pairs.push([key, words[at++].replace(/"/g, "")]);
                        }
                }
                return pairs;
        }

        return block();
}

function get(pairs, key) {
        const found = pairs.find(pair => pair[0].toLowerCase() === key.toLowerCase());
        return found ? found[1] : undefined;
}

function describe(mission) {
        const modes = get(mission, "modes").map(([mode, chapters]) => {
                chapters.sort((a, b) => Number(a[0]) - Number(b[0]));
                return mode + ":" + chapters.map(chapter => get(chapter[1], "Map")).join(",");
        });
        return [get(mission, "Name"), get(mission, "DisplayTitle"), ...modes].join(" | ");
}

for (const path of process.argv.slice(2)) {
        const vpk = new VPK(path);

        vpk.load();
        for (const file of vpk.files)
                if (/^missions\/[^/]*\.txt$/.test(file))
                        console.log(describe(get(parse(vpk.getFile(file).toString()), "mission")));
}
