/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/call-queue.h"

struct CallQueue {
        sd_bus *bus;
        unsigned max;
        unsigned under_way;
        GQueue waiting;      /* QueuedCall: not sent yet, the oldest first */
        GPtrArray *floating; /* QueuedCall: ours to free */
};

struct QueuedCall {
        CallQueue *queue;
        sd_bus_message *call;
        sd_bus_slot *slot;                /* once it is sent, until it is answered */
        sd_bus_message_handler_t handler; /* NULL: nobody wants the answer any more */
        void *userdata;
        bool floating;
        GDestroyNotify destroy;
};

static void call_queue_pump(CallQueue *q);

static void call_free(QueuedCall *c) {
        if (c->slot)
                c->queue->under_way--;
        (void) g_queue_remove(&c->queue->waiting, c);
        (void) g_ptr_array_remove_fast(c->queue->floating, c);
        sd_bus_slot_unref(c->slot);
        sd_bus_message_unref(c->call);
        if (c->destroy)
                c->destroy(c->userdata);
        g_free(c);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        QueuedCall *c = userdata;
        bool floating = c->floating;

        c->slot = sd_bus_slot_unref(c->slot);
        c->queue->under_way--;
        call_queue_pump(c->queue);

        /* Whoever keeps the call may free it here. */
        if (c->handler)
                (void) c->handler(reply, c->userdata, error);
        if (floating)
                call_free(c);

        return 1;
}

static void call_queue_pump(CallQueue *q) {
        while (q->under_way < q->max && q->waiting.length > 0) {
                QueuedCall *c = g_queue_pop_head(&q->waiting);

                /* What fails here fails for want of a connection or of memory; without a connection we end (exit on disconnect). */
                if (sd_bus_call_async(q->bus, &c->slot, c->call, on_reply, c, UINT64_MAX) >= 0)
                        q->under_way++;
                c->call = sd_bus_message_unref(c->call);
        }
}

CallQueue *call_queue_new(sd_bus *bus, unsigned max) {
        CallQueue *q = g_new0(CallQueue, 1);

        q->bus = sd_bus_ref(bus);
        q->max = max;
        g_queue_init(&q->waiting);
        q->floating = g_ptr_array_new();
        return q;
}

CallQueue *call_queue_free(CallQueue *q) {
        if (!q)
                return NULL;

        /* Those who keep their calls have freed them by now. */
        while (q->floating->len > 0)
                call_free(q->floating->pdata[0]);
        g_ptr_array_unref(q->floating);
        sd_bus_unref(q->bus);
        g_free(q);
        return NULL;
}

QueuedCall *call_queue_add(
        CallQueue *q, sd_bus_message *call, sd_bus_message_handler_t handler, void *userdata) {
        QueuedCall *c = g_new(QueuedCall, 1);

        *c = (QueuedCall){
                .queue = q, .call = sd_bus_message_ref(call), .handler = handler, .userdata = userdata
        };
        g_queue_push_tail(&q->waiting, c);
        call_queue_pump(q);
        return c;
}

void queued_call_set_floating(QueuedCall *c, GDestroyNotify destroy) {
        c->floating = true;
        c->destroy = destroy;
        g_ptr_array_add(c->queue->floating, c);
}

QueuedCall *queued_call_free(QueuedCall *c) {
        if (!c)
                return NULL;

        if (!c->slot) {
                call_free(c);
                return NULL;
        }

        /* To the bus it is under way until it is answered, whether or not anybody still wants to know. */
        c->handler = NULL;
        if (c->destroy)
                c->destroy(c->userdata);
        if (c->floating)
                c->destroy = NULL;
        else
                queued_call_set_floating(c, NULL);
        return NULL;
}
