/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A made-up machine: what sysfs says of its CPUs, below a directory. */

/* One word a CPU: "CPU:PACKAGE:NODE:SIBLINGS", say "0:0:0:0,4", or "CPU:offline"; separated by blanks. */
void cpu_tree_write(const char *root, const char *cpus);

/* A core of its own for each of n CPUs, one package. */
void cpu_tree_write_plain(const char *root, unsigned n);

/* Machines of two packages, with two threads a core, CPUs numbered as Linux does: first all first threads. */
#define CPU_TREE_SMT4 "0:0:0:0,2 1:0:0:1,3 2:0:0:0,2 3:0:0:1,3"
#define CPU_TREE_SMT8 "0:0:0:0,4 1:0:0:1,5 2:0:0:2,6 3:0:0:3,7 4:0:0:0,4 5:0:0:1,5 6:0:0:2,6 7:0:0:3,7"
