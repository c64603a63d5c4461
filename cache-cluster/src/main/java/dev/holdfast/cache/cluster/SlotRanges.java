package dev.holdfast.cache.cluster;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a reply to {@code CLUSTER SLOTS}, which lists ranges of slots, each with its master and those that follow it.
 *
 * @see <a href="https://redis.io/docs/latest/commands/cluster-slots/">CLUSTER SLOTS</a>
 */
final class SlotRanges {
    private SlotRanges() {}

    /**
     * Reads it.
     *
     * @throws IllegalArgumentException if it is malformed
     */
    static View view(List<?> reply, Asked asked) {
        Members members = new Members(asked);
        for (Object range : reply) {
            if (!(range instanceof List<?> parts) || parts.size() < 3) {
                throw new IllegalArgumentException("a range of CLUSTER SLOTS that is none");
            }
            int from = Members.slot(parts.get(0));
            int to = Members.slot(parts.get(1));
            String master = null;
            for (Object node : parts.subList(2, parts.size())) {
                String id = add(members, node, master, from, to);
                master = master == null ? id : master;
            }
        }
        return members.view();
    }

    private static String add(Members members, Object node, @Nullable String master, int from, int to) {
        if (node instanceof List<?> parts && parts.size() >= 2 && parts.get(1) instanceof Long port) {
            String id = parts.size() > 2 ? Members.text(parts.get(2)) : null;
            return members.add(id, Members.text(parts.get(0)), port, master, from, to);
        }
        throw new IllegalArgumentException("a node of CLUSTER SLOTS that is none");
    }
}
