package dev.holdfast.cache.cluster;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a reply to {@code CLUSTER SHARDS}, which lists shards, each with its slots and nodes.
 *
 * @see <a href="https://redis.io/docs/latest/commands/cluster-shards/">CLUSTER SHARDS</a>
 */
final class ShardList {
    private ShardList() {}

    /**
     * Reads it.
     *
     * @throws IllegalArgumentException if it is malformed
     */
    static View view(List<?> reply, Asked asked) {
        Members members = new Members(asked);
        for (Object each : reply) {
            Map<String, Object> shard = map(each);
            List<Map<String, Object>> nodes =
                    list(shard.get("nodes")).stream().map(ShardList::map).toList();
            Map<String, Object> first = master(nodes);
            if (first == null) {
                continue;
            }
            String master = addMaster(members, first, list(shard.get("slots")));
            for (Map<String, Object> node : nodes) {
                if (!isMaster(node) && !hasFailed(node)) {
                    add(members, node, master, 0, -1);
                }
            }
        }
        return members.view();
    }

    /** The master of a shard, which lists a former one too while nobody has told it to follow: one that failed only if there is no other. */
    private static @Nullable Map<String, Object> master(List<Map<String, Object>> nodes) {
        Map<String, Object> failed = null;
        for (Map<String, Object> node : nodes) {
            if (isMaster(node)) {
                if (!hasFailed(node)) {
                    return node;
                }
                failed = node;
            }
        }
        return failed;
    }

    private static boolean isMaster(Map<String, Object> node) {
        return "master".equals(Members.text(node.get("role")));
    }

    /** Servers say {@code fail}, their documentation {@code failed}. */
    private static boolean hasFailed(Map<String, Object> node) {
        String health = Members.text(node.get("health"));
        return health != null && health.startsWith("fail");
    }

    private static String addMaster(Members members, Map<String, Object> node, List<?> slots) {
        String id = add(members, node, null, 0, -1);
        for (int i = 0; i + 1 < slots.size(); i += 2) {
            add(members, node, null, Members.slot(slots.get(i)), Members.slot(slots.get(i + 1)));
        }
        return id;
    }

    private static String add(Members members, Map<String, Object> node, @Nullable String master, int from, int to) {
        String preferred = members.areReachedByTls() ? "tls-port" : "port";
        String other = members.areReachedByTls() ? "port" : "tls-port";
        Object port = node.containsKey(preferred) ? node.get(preferred) : node.get(other);
        if (!(port instanceof Long number)) {
            throw new IllegalArgumentException("a node of CLUSTER SHARDS without a port");
        }
        String endpoint = Members.text(node.get("endpoint"));
        boolean known = endpoint != null && !endpoint.isEmpty() && !endpoint.equals("?");
        String host = known ? endpoint : Members.text(node.get("ip"));
        return members.add(Members.text(node.get("id")), host, number, master, from, to);
    }

    private static Map<String, Object> map(@Nullable Object reply) {
        List<?> flat = list(reply);
        Map<String, Object> map = new HashMap<>();
        for (int i = 0; i + 1 < flat.size(); i += 2) {
            String key = Members.text(flat.get(i));
            Object value = flat.get(i + 1);
            if (key != null && value != null) {
                map.put(key, value);
            }
        }
        return map;
    }

    private static List<?> list(@Nullable Object reply) {
        if (reply instanceof List<?> list) {
            return list;
        }
        throw new IllegalArgumentException("a part of CLUSTER SHARDS that is no list");
    }
}
