package dev.holdfast.cache.validation;

import java.util.Locale;

/** What would be right where a server answers with an error that is no matter of a missing right. */
final class Refusals {
    private Refusals() {}

    /** What to do about an answer, by its first word, and by its text where that word is none. */
    static String remedy(String answer, Target target) {
        String place = target.variables().place();
        String server = "the server that " + place + " names ";
        return switch (answer.split(" ", 2)[0]) {
            case "NOAUTH", "WRONGPASS", "NOPERM", "INVALIDPASSWORD" ->
                "check " + target.variables().credentials();
            case "OOM" ->
                server + "is full and evicts nothing: set its maxmemory-policy to allkeys-lru or allkeys-lfu, or raise"
                        + " maxmemory";
            case "READONLY" -> "this is a replica: let " + place + " name the master";
            case "NOREPLICAS" -> server + "wants more replicas than it has (min-replicas-to-write): start them";
            case "MASTERDOWN" -> "this is a replica without its master: let " + place + " name the master";
            case "MISCONF" -> server + "can't save to its disk: free space, or turn saving off";
            case "LOADING" -> server + "loads its data: wait";
            case "BUSY" -> server + "runs somebody's script: wait, or SCRIPT KILL";
            case "CLUSTERDOWN" ->
                "the cluster that " + place + " names does not serve all slots: redis-cli --cluster check";
            case "MOVED", "ASK", "CROSSSLOT" ->
                "this is a node of a cluster: name it by REDIS_CLUSTER_NODES, not by " + place;
            case "DENIED" ->
                server + "takes its own host's connections alone (protected mode): give its users passwords";
            default -> byText(answer.toLowerCase(Locale.ROOT), server, target);
        };
    }

    private static String byText(String answer, String server, Target target) {
        if (answer.contains("max number of clients")) {
            return server + "has as many connections as it takes: raise its maxclients, or find who holds them";
        }
        if (answer.contains("db index") || answer.contains("select is not allowed")) {
            return "let " + target.variables().place()
                    + " (or REDIS_DB) name a database that the server has; a cluster has 0 alone";
        }
        return answer.contains("auth")
                ? "check " + target.variables().credentials()
                : "look at " + server.strip() + ": it said why";
    }
}
