package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import redis.clients.jedis.Protocol;

/**
 * The names in Redis. All keys of a partition have one hash tag, {@code {name}} for the first and {@code {name/1}} and so on for the
 * others, so in a cluster they are in one slot; an id belongs to one partition. No name of a service has a slash, so two services share no key.
 */
final class Keys {
    /** The consumer group of all workers. */
    static final String GROUP = "workers";

    private final String name;
    private final int partitions;

    Keys(StreamsConfig config) {
        this.name = config.name();
        this.partitions = config.partitions();
    }

    int partitions() {
        return partitions;
    }

    int partitionOf(String id) {
        return Math.floorMod(id.hashCode(), partitions);
    }

    byte[] requests(int partition) {
        return key(tag(partition) + ":requests");
    }

    byte[] dead(int partition) {
        return key(tag(partition) + ":dead");
    }

    /** Asks whether there is room for more in the node that has a partition; it changes nothing, since there is no such stream. */
    Command room(int partition) {
        return Command.of(Protocol.Command.XADD, key(tag(partition) + ":none"), "NOMKSTREAM", "*", "i", "");
    }

    /** Who runs an id, or its answer. */
    byte[] done(String id) {
        return key(tag(partitionOf(id)) + ":done:" + id);
    }

    /** The owners of the runs of an id that have begun since one has ended. */
    byte[] tries(String id) {
        return key(tag(partitionOf(id)) + ":tries:" + id);
    }

    byte[] replies(String client) {
        return key("{" + name + "/replies/" + client + "}");
    }

    private String tag(int partition) {
        return partition == 0 ? "{" + name + "}" : "{" + name + "/" + partition + "}";
    }

    private static byte[] key(String text) {
        return text.getBytes(UTF_8);
    }
}
