/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

#include "service/tc.h"

/* More than any message here takes. */
#define MESSAGE_SIZE 1024

/* dev_valid_name() of the kernel; it would take bytes that are no text. */
bool tc_name_is_valid(const char *name) {
        size_t n = strlen(name);

        if (n == 0 || n >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return false;

        for (const char *c = name; *c; c++)
                if (!g_ascii_isgraph(*c) || *c == '/' || *c == ':')
                        return false;

        return true;
}

/* -- what comes in --------------------------------------------------------------------------------------------- */

/* Text that ends inside its attribute and fits. */
static int read_text(const struct nlattr *attr, char *ret, size_t size) {
        size_t n = mnl_attr_get_payload_len(attr);

        if (n == 0 || n > size || ((const char *) mnl_attr_get_payload(attr))[n - 1] != '\0')
                return -EBADMSG;

        memcpy(ret, mnl_attr_get_payload(attr), n);
        return 0;
}

static const struct nlattr *find_nested(const struct nlattr *nest, uint16_t type) {
        const struct nlattr *attr;

        mnl_attr_for_each_nested(attr, nest)
                if (mnl_attr_get_type(attr) == type)
                        return attr;

        return NULL;
}

static const struct nlattr *find(const struct nlmsghdr *message, size_t header, uint16_t type) {
        const struct nlattr *attr;

        mnl_attr_for_each(attr, message, header)
                if (mnl_attr_get_type(attr) == type)
                        return attr;

        return NULL;
}

/* A kind that is longer than any that we know is none of them. */
static void read_kind(const struct nlattr *attr, char ret[TC_KIND_SIZE]) {
        if (!attr || read_text(attr, ret, TC_KIND_SIZE) < 0)
                strcpy(ret, "?");
}

int tc_parse_link(const struct nlmsghdr *message, TcLink *ret) {
        const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
        const struct nlattr *attr;
        TcLink link = { 0 };
        int r;

        if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
                return -ENOENT;
        if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
                return -EBADMSG;
        /* Ports of bridges come the same way. */
        if (header->ifi_family != AF_UNSPEC)
                return -ENOENT;

        attr = find(message, sizeof(*header), IFLA_IFNAME);
        r = attr ? read_text(attr, link.name, sizeof(link.name)) : -EBADMSG;
        if (r < 0)
                return r;

        attr = find(message, sizeof(*header), IFLA_LINKINFO);
        attr = attr ? find_nested(attr, IFLA_INFO_KIND) : NULL;
        if (attr)
                read_kind(attr, link.kind);

        link.index = header->ifi_index;
        link.up = header->ifi_flags & IFF_UP;
        *ret = link;
        return 0;
}

int tc_link_of(const struct nlmsghdr *message) {
        const struct tcmsg *header = mnl_nlmsg_get_payload(message);

        return mnl_nlmsg_get_payload_len(message) < sizeof(*header) ? 0 : header->tcm_ifindex;
}

int tc_parse_qdisc(const struct nlmsghdr *message, TcQdisc *ret) {
        const struct tcmsg *header = mnl_nlmsg_get_payload(message);
        const struct nlattr *options;
        TcQdisc q = { 0 };
        int r;

        if (message->nlmsg_type != RTM_NEWQDISC)
                return -ENOENT;
        if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
                return -EBADMSG;

        q.link = header->tcm_ifindex;
        q.handle = header->tcm_handle;
        q.parent = header->tcm_parent;
        read_kind(find(message, sizeof(*header), TCA_KIND), q.kind);

        options = find(message, sizeof(*header), TCA_OPTIONS);
        if (strcmp(q.kind, CAKE_KIND) == 0 && options) {
                r = cake_parse_options(options, &q.cake);
                if (r < 0)
                        return r;

                q.is_cake = true;
        }

        *ret = q;
        return 0;
}

int tc_parse_statistics(const struct nlmsghdr *message, CakeStatistics *ret) {
        const struct nlattr *attr;

        if (message->nlmsg_type != RTM_NEWQDISC)
                return -ENOENT;
        if (mnl_nlmsg_get_payload_len(message) < sizeof(struct tcmsg))
                return -EBADMSG;

        attr = find(message, sizeof(struct tcmsg), TCA_STATS2);
        return attr ? cake_parse_statistics(attr, ret) : -ENOENT;
}

/* The link that an action redirects to, 0 for another action. */
static int redirect_target(const struct nlattr *action) {
        const struct nlattr *kind = find_nested(action, TCA_ACT_KIND),
                            *options = find_nested(action, TCA_ACT_OPTIONS), *parameters;
        char name[TC_KIND_SIZE];
        struct tc_mirred mirred;

        if (!kind || !options || read_text(kind, name, sizeof(name)) < 0 || strcmp(name, "mirred") != 0)
                return 0;

        parameters = find_nested(options, TCA_MIRRED_PARMS);
        if (!parameters || mnl_attr_get_payload_len(parameters) < sizeof(mirred))
                return 0;

        memcpy(&mirred, mnl_attr_get_payload(parameters), sizeof(mirred));
        return mirred.eaction == TCA_EGRESS_REDIR ? (int) mirred.ifindex : 0;
}

int tc_parse_filter(const struct nlmsghdr *message, TcFilter *ret) {
        const struct tcmsg *header = mnl_nlmsg_get_payload(message);
        const struct nlattr *attr;
        char kind[TC_KIND_SIZE];
        TcFilter f = { 0 };

        if (message->nlmsg_type != RTM_NEWTFILTER)
                return -ENOENT;
        if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
                return -EBADMSG;

        f.link = header->tcm_ifindex;
        f.priority = (uint16_t) (TC_H_MAJ(header->tcm_info) >> 16);

        read_kind(find(message, sizeof(*header), TCA_KIND), kind);
        attr = find(message, sizeof(*header), TCA_OPTIONS);
        if (strcmp(kind, "matchall") == 0 && attr) {
                attr = find_nested(attr, TCA_MATCHALL_ACT);
                attr = attr ? find_nested(attr, 1) : NULL;
                f.target = attr ? redirect_target(attr) : 0;
        }

        *ret = f;
        return 0;
}

/* -- what goes out --------------------------------------------------------------------------------------------- */

/* A message under construction. */
typedef struct Draft {
        union {
                char bytes[MESSAGE_SIZE];
                struct nlmsghdr header;
        };
} Draft;

static void *begin(Draft *d, uint16_t type, uint16_t flags, size_t header) {
        struct nlmsghdr *message = mnl_nlmsg_put_header(d->bytes);

        message->nlmsg_type = type;
        message->nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
        return mnl_nlmsg_put_extra_header(message, header);
}

static void end(Draft *d, GByteArray *buffer) {
        g_byte_array_append(buffer, (const guint8 *) d->bytes, MNL_ALIGN(d->header.nlmsg_len));
}

static struct ifinfomsg *begin_link(Draft *d, uint16_t type, uint16_t flags, int link) {
        struct ifinfomsg *header = begin(d, type, flags, sizeof(*header));

        header->ifi_index = link;
        return header;
}

static struct tcmsg *begin_tc(
        Draft *d, uint16_t type, uint16_t flags, int link, uint32_t handle, uint32_t parent) {
        struct tcmsg *header = begin(d, type, flags, sizeof(*header));

        header->tcm_family = AF_UNSPEC;
        header->tcm_ifindex = link;
        header->tcm_handle = handle;
        header->tcm_parent = parent;
        return header;
}

void tc_dump_links(GByteArray *buffer) {
        Draft d;

        begin_link(&d, RTM_GETLINK, NLM_F_DUMP, 0);
        end(&d, buffer);
}

void tc_dump_qdiscs(GByteArray *buffer) {
        Draft d;

        begin_tc(&d, RTM_GETQDISC, NLM_F_DUMP, 0, 0, 0);
        end(&d, buffer);
}

void tc_dump_filters(GByteArray *buffer, int link) {
        Draft d;

        begin_tc(&d, RTM_GETTFILTER, NLM_F_DUMP, link, 0, TC_INGRESS_HANDLE);
        end(&d, buffer);
}

void tc_add_ifb(GByteArray *buffer, const char *name, const char *alias) {
        struct ifinfomsg *header;
        struct nlattr *info;
        Draft d;

        header = begin_link(&d, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
        header->ifi_flags = header->ifi_change = IFF_UP;
        mnl_attr_put_strz(&d.header, IFLA_IFNAME, name);
        info = mnl_attr_nest_start(&d.header, IFLA_LINKINFO);
        mnl_attr_put_strz(&d.header, IFLA_INFO_KIND, "ifb");
        mnl_attr_nest_end(&d.header, info);
        end(&d, buffer);

        /* A new link takes no alias on its way. */
        begin_link(&d, RTM_SETLINK, NLM_F_ACK, 0);
        mnl_attr_put_strz(&d.header, IFLA_IFNAME, name);
        mnl_attr_put_strz(&d.header, IFLA_IFALIAS, alias);
        end(&d, buffer);
}

void tc_set_up(GByteArray *buffer, int link) {
        struct ifinfomsg *header;
        Draft d;

        header = begin_link(&d, RTM_SETLINK, NLM_F_ACK, link);
        header->ifi_flags = header->ifi_change = IFF_UP;
        end(&d, buffer);
}

void tc_delete_link(GByteArray *buffer, int link) {
        Draft d;

        begin_link(&d, RTM_DELLINK, NLM_F_ACK, link);
        end(&d, buffer);
}

void tc_set_cake(GByteArray *buffer, int link, const CakeOptions *o, const CakeState *have) {
        struct nlattr *options;
        Draft d;

        begin_tc(&d, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, link, TC_OUR_HANDLE, TC_H_ROOT);
        mnl_attr_put_strz(&d.header, TCA_KIND, CAKE_KIND);
        options = mnl_attr_nest_start(&d.header, TCA_OPTIONS);
        cake_put(&d.header, o, have);
        mnl_attr_nest_end(&d.header, options);
        end(&d, buffer);
}

/* The kind is looked for, and its module loaded, before the options are read, of which a rate of four bytes is none. The loopback is the
 * one link that is always there. */
void tc_try_cake(GByteArray *buffer) {
        struct nlattr *options;
        Draft d;

        begin_tc(&d, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0, TC_H_ROOT);
        mnl_attr_put_strz(&d.header, TCA_KIND, CAKE_KIND);
        options = mnl_attr_nest_start(&d.header, TCA_OPTIONS);
        mnl_attr_put_u32(&d.header, TCA_CAKE_BASE_RATE64, 0);
        mnl_attr_nest_end(&d.header, options);
        end(&d, buffer);
}

void tc_delete_root(GByteArray *buffer, int link) {
        Draft d;

        begin_tc(&d, RTM_DELQDISC, NLM_F_ACK, link, 0, TC_H_ROOT);
        end(&d, buffer);
}

void tc_add_ingress(GByteArray *buffer, int link) {
        Draft d;

        begin_tc(&d, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link, TC_INGRESS_HANDLE,
                TC_H_INGRESS);
        mnl_attr_put_strz(&d.header, TCA_KIND, "ingress");
        end(&d, buffer);
}

void tc_delete_ingress(GByteArray *buffer, int link) {
        Draft d;

        begin_tc(&d, RTM_DELQDISC, NLM_F_ACK, link, TC_INGRESS_HANDLE, TC_H_INGRESS);
        end(&d, buffer);
}

void tc_add_redirect(GByteArray *buffer, int link, int target) {
        const struct tc_mirred mirred = {
                .action = TC_ACT_STOLEN,
                .eaction = TCA_EGRESS_REDIR,
                .ifindex = (uint32_t) target,
        };
        struct nlattr *options, *actions, *first, *parameters;
        struct tcmsg *header;
        Draft d;

        header = begin_tc(
                &d, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link, 0, TC_INGRESS_HANDLE);
        header->tcm_info = TC_H_MAKE((uint32_t) TC_OUR_PRIORITY << 16, htons(ETH_P_ALL));
        mnl_attr_put_strz(&d.header, TCA_KIND, "matchall");
        options = mnl_attr_nest_start(&d.header, TCA_OPTIONS);
        actions = mnl_attr_nest_start(&d.header, TCA_MATCHALL_ACT);
        first = mnl_attr_nest_start(&d.header, 1);
        mnl_attr_put_strz(&d.header, TCA_ACT_KIND, "mirred");
        parameters = mnl_attr_nest_start(&d.header, TCA_ACT_OPTIONS);
        mnl_attr_put(&d.header, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
        mnl_attr_nest_end(&d.header, parameters);
        mnl_attr_nest_end(&d.header, first);
        mnl_attr_nest_end(&d.header, actions);
        mnl_attr_nest_end(&d.header, options);
        end(&d, buffer);
}

void tc_delete_redirect(GByteArray *buffer, int link) {
        struct tcmsg *header;
        Draft d;

        header = begin_tc(&d, RTM_DELTFILTER, NLM_F_ACK, link, 0, TC_INGRESS_HANDLE);
        header->tcm_info = TC_H_MAKE((uint32_t) TC_OUR_PRIORITY << 16, htons(ETH_P_ALL));
        end(&d, buffer);
}
