package dev.holdfast.cache.client;

import dev.holdfast.cache.failover.FailoverBuilder;
import dev.holdfast.cache.failover.TierPolicy;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.StoreConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The servers that code gives a client, the first uppermost. The client owns their stores. */
final class GivenServers {
    private final List<Server> servers = new ArrayList<>();
    private boolean takenOver;

    /** A server as it was asked for: its store, or what opens that; {@code rules} is null where settings and its name decide. */
    private record Server(
            String name,
            @Nullable CacheStore store,
            @Nullable StoreConfig config,
            @Nullable TierPolicy rules) {
        TierPolicy rules(ClientSettings settings) {
            if (rules != null) {
                return rules;
            }
            TierPolicy ofName = settings.rulesOf(name);
            return config != null && config.buffered() ? ofName.withBuffered(true) : ofName;
        }

        CacheStore open(String client, KeyPrefix keyPrefix) {
            return store != null
                    ? store
                    : Objects.requireNonNull(config, "config").open(connectionName(client), keyPrefix);
        }
    }

    /** A client's name as servers take it for that of a connection: printable ASCII without blanks. */
    static String connectionName(String client) {
        return client.replaceAll("[^!-~]", "-");
    }

    void add(String tier, StoreConfig config) {
        add(new Server(tier, null, config, null));
    }

    void add(String tier, CacheStore store, TierPolicy rules) {
        add(new Server(tier, store, null, rules));
    }

    private void add(Server server) {
        String tier = FailoverBuilder.requireTierName(server.name());
        if (has(tier)) {
            throw new IllegalArgumentException("there is a tier \"" + tier + "\" already: give each a name of its own");
        }
        servers.add(server);
    }

    boolean has(String tier) {
        return servers.stream().anyMatch(server -> server.name().equals(tier));
    }

    boolean isEmpty() {
        return servers.isEmpty();
    }

    /** Opens those that are not open, and hands them over: whoever asked closes them. If one can't be opened, all are closed. */
    List<Tier> open(String client, KeyPrefix keyPrefix, ClientSettings settings) {
        takenOver = true;
        List<Tier> open = new ArrayList<>();
        try {
            for (Server each : servers) {
                open.add(new Tier(each.name(), each.open(client, keyPrefix), each.rules(settings)));
            }
            return open;
        } catch (Throwable e) {
            Closing.after(e, closing(Stream.concat(open.stream().map(Tier::store), given(open.size()))));
            throw e;
        }
    }

    /** Closes the stores that were given, if the start ended before it took them over. */
    void close() {
        if (!takenOver) {
            new Closing(closing(given(0))).close();
        }
    }

    private Stream<CacheStore> given(int from) {
        return servers.stream().skip(from).flatMap(each -> Stream.ofNullable(each.store()));
    }

    private static Runnable[] closing(Stream<CacheStore> stores) {
        return stores.map(store -> (Runnable) store::close).toArray(Runnable[]::new);
    }
}
