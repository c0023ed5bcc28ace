#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later
// query.js HOST PORT [MS]: what gamedig makes of a server, as JSON, {"error"} if it makes nothing of it. NODE_PATH leads to gamedig.
const { GameDig } = require('gamedig');

const [host, port, ms] = process.argv.slice(2);

GameDig.query({
        type: 'l4d2',
        host,
        port: Number(port),
        givenPortOnly: true,
        maxRetries: 1,
        socketTimeout: Number(ms ?? 3000),
        requestRules: true,
}).then((state) => console.log(JSON.stringify(state)), (error) => console.log(JSON.stringify({ error: String(error) })));
