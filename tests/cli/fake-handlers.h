/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fake.h"

void fake_handle_manager(Fake *f, L4Manager1 *manager);
void fake_handle_instance(Fake *f, L4Manager1Instance *instance);
void fake_handle_overlay(Fake *f, L4Manager1Overlay *overlay);
/* Of single files and versions. */
void fake_handle_overlay_files(Fake *f, L4Manager1Overlay *overlay);

/* Answers a job of that kind, and a pipe that is read as f->import says. */
void fake_return_upload(
        Fake *f, L4Manager1Overlay *overlay, const char *kind, GDBusMethodInvocation *invocation);

/* Answers f->log, to be read. */
void fake_return_log(Fake *f, GDBusMethodInvocation *invocation);

/* A job that has ended when the caller hears of it; its path. */
char *fake_job_done(Fake *f, const char *kind, const char *subject);

void fake_handle_job(Fake *f, L4Manager1Job *job);
