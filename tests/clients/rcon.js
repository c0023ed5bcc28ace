#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later
// rcon.js HOST PORT PASSWORD [COMMAND...]: the answers that rcon-srcds gets, as a JSON list; {"error"} if it gets none. A connection for
// each command: the second packet of a mirrored marker, which comes after a long answer, would end the next one.
const RCON = require('rcon-srcds').default;

const [host, port, password, ...commands] = process.argv.slice(2);

// The library itself would wait for ever for an answer when the server hangs up.
function end(rcon) {
        return new Promise((_, reject) => {
                rcon.connection.once('error', reject);
                // Later than the library's own complaint, for which it closes the connection itself.
                rcon.connection.once('close', () => setImmediate(() => reject(new Error('The server has hung up'))));
                rcon.connection.once('timeout', () => reject(new Error('The server says nothing')));
        });
}

async function ask(command) {
        const rcon = new RCON({ host, port: Number(port), timeout: 10000, encoding: 'utf8' });

        await rcon.connect();
        const ended = end(rcon);
        ended.catch(() => {});
        try {
                await Promise.race([ended, rcon.authenticate(password)]);
                return command === undefined ? true : await Promise.race([ended, rcon.execute(command)]);
        } finally {
                rcon.connection.destroy();
        }
}

async function main() {
        const answers = [];

        for (const command of commands.length ? commands : [undefined])
                answers.push(await ask(command));
        return answers;
}

main().then((answers) => console.log(JSON.stringify(answers)), (error) => console.log(JSON.stringify({ error: String(error) })));
