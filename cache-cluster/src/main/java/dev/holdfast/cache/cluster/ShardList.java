package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
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
    static View view(List<?> reply, Address asked) {
        Members members = new Members(asked);
        for (Object each : reply) {
            Map<String, Object> shard = map(each);
            List<Map<String, Object>> nodes =
                    list(shard.get("nodes")).stream().map(ShardList::map).toList();
            String master = null;
            for (Map<String, Object> node : nodes) {
                if ("master".equals(Members.text(node.get("role")))) {
                    master = addMaster(members, node, list(shard.get("slots")));
                }
            }
            for (Map<String, Object> node : nodes) {
                if (master != null && !"master".equals(Members.text(node.get("role")))) {
                    add(members, node, master, 0, -1);
                }
            }
        }
        return members.view();
    }

    private static String addMaster(Members members, Map<String, Object> node, List<?> slots) {
        String id = add(members, node, null, 0, -1);
        for (int i = 0; i + 1 < slots.size(); i += 2) {
            add(members, node, null, Members.slot(slots.get(i)), Members.slot(slots.get(i + 1)));
        }
        return id;
    }

    private static String add(Members members, Map<String, Object> node, @Nullable String master, int from, int to) {
        Object port =
                node.containsKey("tls-port") && !node.containsKey("port") ? node.get("tls-port") : node.get("port");
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
