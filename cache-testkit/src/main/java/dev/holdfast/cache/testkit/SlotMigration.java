package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Moves slots with their keys, by the steps of the Redis Cluster specification, "Cluster live reconfiguration". */
final class SlotMigration {
    private static final String KEYS_PER_MIGRATE = "100";

    private final RedisServer from;
    private final RedisServer to;
    private final List<RedisServer> masters;
    private final String fromId;
    private final String toId;

    SlotMigration(RedisServer from, RedisServer to, List<RedisServer> masters) {
        this.from = from;
        this.to = to;
        this.masters = masters;
        this.fromId = String.valueOf(from.command("CLUSTER", "MYID"));
        this.toId = String.valueOf(to.command("CLUSTER", "MYID"));
    }

    void move(int[] slots) {
        for (int slot : slots) {
            move(Integer.toString(slot));
        }
    }

    private void move(String slot) {
        to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
        from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
        for (List<?> keys = keysIn(slot); !keys.isEmpty(); keys = keysIn(slot)) {
            migrate(keys);
        }
        // The new owner first: at no moment does nobody own the slot. The rest could wait for gossip, but need not.
        to.command("CLUSTER", "SETSLOT", slot, "NODE", toId);
        tell(from, slot);
        for (RedisServer master : masters) {
            if (master != from && master != to && master.isAnswering()) {
                tell(master, slot);
            }
        }
    }

    private void tell(RedisServer master, String slot) {
        try {
            master.command("CLUSTER", "SETSLOT", slot, "NODE", toId);
        } catch (IllegalStateException refused) {
            // A master that hears by gossip of its last slot's new owner becomes that one's replica, and knows all
            // there is to know.
            if (!String.valueOf(refused.getMessage()).contains("only with masters")) {
                throw refused;
            }
        }
    }

    private List<?> keysIn(String slot) {
        byte[][] command =
                bytes("CLUSTER", "GETKEYSINSLOT", slot, KEYS_PER_MIGRATE).toArray(byte[][]::new);
        return from.command(command) instanceof List<?> keys ? keys : List.of();
    }

    private void migrate(List<?> keys) {
        List<byte[]> command = new ArrayList<>();
        bytes("MIGRATE", to.host(), Integer.toString(to.port()), "", "0", "10000")
                .forEach(command::add);
        bytes("AUTH2", ServerAccess.ADMIN, ServerAccess.ADMIN_PASSWORD, "KEYS").forEach(command::add);
        for (Object key : keys) {
            command.add((byte[]) key);
        }
        from.command(command.toArray(byte[][]::new));
    }

    private static Stream<byte[]> bytes(String... words) {
        return Stream.of(words).map(word -> word.getBytes(UTF_8));
    }
}
