/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names that service, clients and tests share: bus, objects, errors, polkit actions. */

#define LEFT4ME_BUS_NAME "org.left4me.Manager1"
#define LEFT4ME_ROOT_PATH "/org/left4me/Manager1"
#define LEFT4ME_INSTANCE_PREFIX LEFT4ME_ROOT_PATH "/instance"
#define LEFT4ME_OVERLAY_PREFIX LEFT4ME_ROOT_PATH "/overlay"
#define LEFT4ME_JOB_PREFIX LEFT4ME_ROOT_PATH "/job"
#define LEFT4ME_QOS_PATH LEFT4ME_ROOT_PATH "/qos"
#define LEFT4ME_SHIELD_PATH LEFT4ME_ROOT_PATH "/shield"
#define LEFT4ME_SLICE_PREFIX LEFT4ME_ROOT_PATH "/slice"
#define LEFT4ME_CPUS_PATH LEFT4ME_ROOT_PATH "/cpus"

#define LEFT4ME_MANAGER_INTERFACE "org.left4me.Manager1"
#define LEFT4ME_INSTANCE_INTERFACE "org.left4me.Manager1.Instance"
#define LEFT4ME_OVERLAY_INTERFACE "org.left4me.Manager1.Overlay"
#define LEFT4ME_JOB_INTERFACE "org.left4me.Manager1.Job"
#define LEFT4ME_QOS_INTERFACE "org.left4me.Manager1.QoS"
#define LEFT4ME_SHIELD_INTERFACE "org.left4me.Manager1.Shield"
#define LEFT4ME_CPUS_INTERFACE "org.left4me.Manager1.CPUs"
#define LEFT4ME_SLICE_INTERFACE "org.left4me.Manager1.Slice"

/* A bad argument; the message names it and the rule. */
#define LEFT4ME_ERROR_INVALID_ARGUMENT "org.left4me.Manager1.Error.InvalidArgument"
/* What a call, path or argument names is not there. */
#define LEFT4ME_ERROR_NO_SUCH_INSTANCE "org.left4me.Manager1.Error.NoSuchInstance"
#define LEFT4ME_ERROR_NO_SUCH_OVERLAY "org.left4me.Manager1.Error.NoSuchOverlay"
#define LEFT4ME_ERROR_NO_SUCH_VERSION "org.left4me.Manager1.Error.NoSuchVersion"
#define LEFT4ME_ERROR_NO_SUCH_FILE "org.left4me.Manager1.Error.NoSuchFile"
#define LEFT4ME_ERROR_NO_SUCH_ITEM "org.left4me.Manager1.Error.NoSuchItem"
#define LEFT4ME_ERROR_NO_SUCH_JOB "org.left4me.Manager1.Error.NoSuchJob"
#define LEFT4ME_ERROR_NO_SUCH_INTERFACE "org.left4me.Manager1.Error.NoSuchInterface"
#define LEFT4ME_ERROR_NO_SUCH_INTENT "org.left4me.Manager1.Error.NoSuchIntent"
/* It is there, and is not to be read. */
#define LEFT4ME_ERROR_NOT_READABLE "org.left4me.Manager1.Error.NotReadable"
/* What is to be made exists, or is given to another. */
#define LEFT4ME_ERROR_NAME_TAKEN "org.left4me.Manager1.Error.NameTaken"
#define LEFT4ME_ERROR_PORT_IN_USE "org.left4me.Manager1.Error.PortInUse"
#define LEFT4ME_ERROR_NO_FREE_PORT "org.left4me.Manager1.Error.NoFreePort"
/* The state of things forbids it now. */
#define LEFT4ME_ERROR_BUSY "org.left4me.Manager1.Error.Busy"
#define LEFT4ME_ERROR_IN_USE "org.left4me.Manager1.Error.InUse"
#define LEFT4ME_ERROR_INSTANCE_RUNNING "org.left4me.Manager1.Error.InstanceRunning"
#define LEFT4ME_ERROR_INSTANCE_NOT_RUNNING "org.left4me.Manager1.Error.InstanceNotRunning"
#define LEFT4ME_ERROR_WRONG_KIND "org.left4me.Manager1.Error.WrongKind"
#define LEFT4ME_ERROR_NO_SOURCE "org.left4me.Manager1.Error.NoSource"
#define LEFT4ME_ERROR_MISSING_LAYER "org.left4me.Manager1.Error.MissingLayer"
/* It was tried and failed; the message carries the last log lines. */
#define LEFT4ME_ERROR_START_FAILED "org.left4me.Manager1.Error.StartFailed"
#define LEFT4ME_ERROR_STOP_FAILED "org.left4me.Manager1.Error.StopFailed"
#define LEFT4ME_ERROR_JOB_FAILED "org.left4me.Manager1.Error.JobFailed"
#define LEFT4ME_ERROR_CANCELLED "org.left4me.Manager1.Error.Cancelled"
/* The game server itself does not let left4med in, or does not answer. */
#define LEFT4ME_ERROR_CONSOLE_REFUSED "org.left4me.Manager1.Error.ConsoleRefused"
#define LEFT4ME_ERROR_TIMED_OUT "org.left4me.Manager1.Error.TimedOut"
/* The host or a limit says no. */
#define LEFT4ME_ERROR_NO_FIREWALL "org.left4me.Manager1.Error.NoFirewall"
#define LEFT4ME_ERROR_NO_SPACE "org.left4me.Manager1.Error.NoSpace"
#define LEFT4ME_ERROR_NOT_SUPPORTED "org.left4me.Manager1.Error.NotSupported"
#define LEFT4ME_ERROR_LIMITS_EXCEEDED "org.left4me.Manager1.Error.LimitsExceeded"
#define LEFT4ME_ERROR_FAILED "org.left4me.Manager1.Error.Failed"

#define LEFT4ME_ACTION_CONTROL_INSTANCE "org.left4me.Manager1.control-instance"
#define LEFT4ME_ACTION_MANAGE_INSTANCES "org.left4me.Manager1.manage-instances"
#define LEFT4ME_ACTION_MANAGE_OVERLAYS "org.left4me.Manager1.manage-overlays"
#define LEFT4ME_ACTION_READ_LOGS "org.left4me.Manager1.read-logs"
#define LEFT4ME_ACTION_USE_CONSOLE "org.left4me.Manager1.use-console"
#define LEFT4ME_ACTION_MANAGE_HOST "org.left4me.Manager1.manage-host"
