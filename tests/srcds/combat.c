/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "combat.h"
#include "server.h"
#include "util.h"

#define LONG_TAG_LEN 512
#define SPECIALS_MAX 3

static const char *const weapons[] = { "smg", "pumpshotgun", "pistol", "rifle", "hunting_rifle",
        "autoshotgun", "pistol_magnum", "machete", "rifle_ak47", "shotgun_spas", "pipe_bomb", "inferno" };

static const struct {
        const char *name;
        const char *character;
        const char *weapon;
} specials[] = {
        { "Smoker", "SMOKER", "smoker_claw" },
        { "Boomer", "BOOMER", "boomer_claw" },
        { "Hunter", "HUNTER", "hunter_claw" },
        { "Spitter", "SPITTER", "insect_swarm" },
        { "Jockey", "JOCKEY", "jockey_claw" },
        { "Charger", "CHARGER", "charger_claw" },
        { "Tank", "TANK", "tank_claw" },
};

static double coordinate(uint64_t *random) {
        return (double) random_between(random, 0, 1200000) / 100 - 6000;
}

static void place(uint64_t *random, char *buf, size_t size) {
        double x = coordinate(random), y = coordinate(random), z = coordinate(random) / 10;

        (void) snprintf(buf, size, "<setpos_exact %.2f %.2f %.2f; setang 0.00 %.2f 0.00><Area %u>", x, y, z,
                coordinate(random) / 33.34, (unsigned) random_between(random, 1, 4000));
}

static const char *long_tag(const Player *p, uint64_t *random, char buf[static LONG_TAG_LEN]) {
        char tag[TAG_LEN], where[128];
        size_t n;

        place(random, where, sizeof(where));
        (void) player_tag(p, tag);
        n = strlen(tag);
        (void) snprintf(buf, LONG_TAG_LEN, "%.*s<%s><%s><%d+0>%s\"", (int) n - 1, tag,
                p->character ? p->character : "", p->alive ? "ALIVE" : "DEAD", p->health, where);
        return buf;
}

static const char *common_tag(bool alive, uint64_t *random, char buf[static LONG_TAG_LEN]) {
        char where[128];

        place(random, where, sizeof(where));
        (void) snprintf(buf, LONG_TAG_LEN, "\"infected<%u><><Infected><infected><%s><%d>%s\"",
                (unsigned) random_between(random, 100, 2047), alive ? "ALIVE" : "DEAD", alive ? 50 : 0,
                where);
        return buf;
}

static const char *pick_weapon(uint64_t *random) {
        return weapons[random_between(random, 0, ELEMENTSOF(weapons) - 1)];
}

void combat_kill_common(Server *s, Player *p, uint64_t *random) {
        char killer[LONG_TAG_LEN], killed[LONG_TAG_LEN];

        (void) long_tag(p, random, killer);
        (void) common_tag(false, random, killed);
        p->score++;
        log_line(&s->log, &s->cvars, "(DEATH)%s killed %s with \"%s\"%s", killer, killed,
                pick_weapon(random), random_between(random, 0, 3) == 0 ? " (headshot)" : "");
}

/* The special infected that no human plays; a Smoker if that is asked for. */
static Player *find_special(Server *s, const char *character) {
        for (Player *p = NULL; (p = player_next(s, p));)
                if (p->bot && p->team == TEAM_INFECTED &&
                        (!character || strcmp(p->character, character) == 0))
                        return p;
        return NULL;
}

void combat_kill_special(Server *s, Player *p, uint64_t *random) {
        char killer[LONG_TAG_LEN], killed[LONG_TAG_LEN];
        Player *special = find_special(s, NULL);

        if (!special) {
                combat_kill_common(s, p, random);
                return;
        }
        special->alive = false;
        special->health = 0;
        p->score += 5;
        log_line(&s->log, &s->cvars, "(DEATH)%s killed %s with \"%s\"", long_tag(p, random, killer),
                long_tag(special, random, killed), pick_weapon(random));
        player_leave(s, special, "Kicked by Console");
}

void combat_grab(Server *s, Player *victim, uint64_t *random) {
        char grabber[LONG_TAG_LEN], grabbed[LONG_TAG_LEN];
        Player *smoker = find_special(s, "SMOKER");

        if (!smoker)
                return;
        (void) long_tag(smoker, random, grabber);
        log_line(&s->log, &s->cvars, "(TONGUE) Tongue grab starting.  Smoker:%s. Victim:%s.", grabber,
                long_tag(victim, random, grabbed));
}

const char *combat_class(unsigned i) {
        return specials[i % (ELEMENTSOF(specials) - 1)].character; /* nobody chooses to be the Tank */
}

static const char *claws(const Player *infected) {
        for (size_t i = 0; i < ELEMENTSOF(specials); i++)
                if (infected->character && strcmp(specials[i].character, infected->character) == 0)
                        return specials[i].weapon;
        return "infected";
}

static const char *attacker(Server *s, uint64_t *random, char buf[static LONG_TAG_LEN]) {
        Player *special = find_special(s, NULL);

        if (!special) {
                (void) common_tag(true, random, buf);
                return "infected";
        }
        (void) long_tag(special, random, buf);
        return claws(special);
}

/* The survivor that stands longest in the list of those who are up. */
static Player *find_prey(Server *s) {
        for (Player *p = NULL; (p = player_next(s, p));)
                if (p->team == TEAM_SURVIVOR && p->alive && p->health > 1)
                        return p;
        return NULL;
}

void combat_attack(Server *s, Player *p, uint64_t *random) {
        char by[LONG_TAG_LEN], who[LONG_TAG_LEN];
        Player *prey = find_prey(s);

        if (!prey)
                return;
        prey->health = 1;
        p->score += 10;
        (void) long_tag(p, random, by);
        log_line(&s->log, &s->cvars, "(INCAP)%s was incapped by %s with \"%s\"", long_tag(prey, random, who),
                by, claws(p));
}

void combat_incap(Server *s, Player *victim, uint64_t *random) {
        char by[LONG_TAG_LEN], who[LONG_TAG_LEN];
        const char *weapon = attacker(s, random, by);

        victim->health = 1;
        log_line(&s->log, &s->cvars, "(INCAP)%s was incapped by %s with \"%s\"",
                long_tag(victim, random, who), by, weapon);
}

void combat_die(Server *s, Player *victim, uint64_t *random) {
        char by[LONG_TAG_LEN], who[LONG_TAG_LEN];
        const char *weapon = attacker(s, random, by);

        victim->alive = false;
        victim->health = 0;
        log_line(&s->log, &s->cvars, "(DEATH)%s killed %s with \"%s\"", by, long_tag(victim, random, who),
                weapon);
}

void combat_spawn(Server *s, uint64_t *random) {
        size_t i = random_between(random, 0, ELEMENTSOF(specials) - 1);
        unsigned n = 0;

        for (Player *p = NULL; (p = player_next(s, p));)
                n += p->bot && p->team == TEAM_INFECTED;
        if (n < SPECIALS_MAX)
                (void) bot_add(s, specials[i].name, specials[i].character, TEAM_INFECTED);
}
