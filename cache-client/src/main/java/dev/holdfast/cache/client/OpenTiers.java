package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverBuilder;
import dev.holdfast.cache.failover.FailoverListener;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.spi.CacheStore;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The stores of a client, made, asked whether they answer, and joined to one.
 *
 * @param store what caches stand on
 * @param failover the same, unless it is the process's memory alone
 * @param first the name of the first tier
 * @param switchedOff the variable that keeps servers out; {@code null} if none does
 */
record OpenTiers(
        CacheStore store,
        Optional<FailoverStore> failover,
        String first,
        @Nullable String switchedOff) {
    private static final Logger LOG = LoggerFactory.getLogger(OpenTiers.class);
    /** Of the variables that are read here the only one that a Service's name makes. */
    private static final String SERVICE_LINK = "REDIS_PORT";

    private static final String MEMORY = KnownTier.MEMORY.tier();
    private static final String CLIENT_NAME = "REDIS_CLIENT_NAME";

    /** What was asked for: servers in their order, then memory if at all. */
    private record Wanted(
            List<Tier> servers,
            @Nullable Supplier<? extends CacheStore> memories,
            @Nullable String switchedOff) {
        int count() {
            return servers.size() + (memories == null ? 0 : 1);
        }

        /** Closes the servers after a failure. */
        void closeAfter(Throwable failure) {
            Closing.after(
                    failure,
                    servers.stream().map(tier -> (Runnable) tier.store()::close).toArray(Runnable[]::new));
        }
    }

    /** Opens what the builder describes; {@code caches} says what this client's keys begin with, and how they are removed. */
    static OpenTiers open(CacheClientBuilder builder, Caches caches, FailoverListener listener) {
        builder.settings().serviceLinks().forEach(OpenTiers::reportServiceLink);
        StoreProviders stores = StoreProviders.find();
        Wanted wanted = builder.hasTiers() ? given(builder, stores) : bySettings(builder, stores);
        if (wanted.servers().isEmpty() && wanted.memories() != null) {
            CacheStore memory = wanted.memories().get();
            LOG.info("Cache client {} over {}: {}", builder.name(), memory, why(builder, wanted.switchedOff()));
            return new OpenTiers(memory, Optional.empty(), MEMORY, wanted.switchedOff());
        }
        return join(builder, wanted, caches, listener);
    }

    private static Wanted given(CacheClientBuilder builder, StoreProviders stores) {
        Supplier<? extends CacheStore> memories =
                builder.memories(stores); // what may fail comes before what is to be closed
        return new Wanted(builder.servers(), memories, null);
    }

    private static Wanted bySettings(CacheClientBuilder builder, StoreProviders stores) {
        Settings settings = builder.settings().withDefault(CLIENT_NAME, GivenServers.connectionName(builder.name()));
        ClientSettings client = new ClientSettings(settings);
        TierPlan plan = TierPlan.of(settings, stores);
        for (KnownTier known : KnownTier.values()) {
            List<String> parts = known.setInVain(settings);
            if (!parts.isEmpty() && plan.switchedOff() == null) {
                LOG.warn(
                        "{} set, but there is no {} tier: to have it, {}",
                        String.join(", ", parts) + (parts.size() == 1 ? " is" : " are"),
                        known.tier(),
                        known.toConfigure());
            }
        }
        boolean memoryToo = plan.tiers().contains(MEMORY);
        Supplier<? extends CacheStore> memories = memoryToo ? builder.memories(stores) : null;
        if (memories == null && plan.tiers().equals(List.of(MEMORY))) {
            throw new CacheConfigException("no server is configured, and withoutMemory() leaves nothing else: "
                    + (plan.switchedOff() == null
                            ? builder.named("set REDIS_URL, or add a tier", "add a tier")
                            : plan.switchedOff() + " is false"));
        }
        Wanted wanted = new Wanted(new ArrayList<>(), memories, plan.switchedOff());
        try {
            for (String tier : plan.tiers()) {
                if (!tier.equals(MEMORY)) {
                    wanted.servers().add(new Tier(tier, stores.make(tier, settings), client.rulesOf(tier)));
                }
            }
            return wanted;
        } catch (Throwable e) {
            wanted.closeAfter(e);
            throw e;
        }
    }

    private static String why(CacheClientBuilder builder, @Nullable String switchedOff) {
        return switchedOff == null
                ? "no server is configured, entries live in this process (" + builder.named("REDIS_URL", "tier(…)")
                        + " would name one)"
                : switchedOff + " is false, entries live in this process";
    }

    private static OpenTiers join(CacheClientBuilder builder, Wanted wanted, Caches caches, FailoverListener listener) {
        FailoverStore failover;
        try {
            failover = compose(builder, wanted, caches, listener);
        } catch (Throwable e) {
            wanted.closeAfter(e);
            throw e;
        }
        try {
            Map<String, CacheUnavailableException> failures = failover.start(builder.startTimeout());
            StartCheck check = new StartCheck(!builder.hasTiers(), builder.nameOfStrictStart(), builder.whyNoMemory());
            check.require(wanted.count(), failures, builder.strictStart());
            LOG.info("Cache client {} over {}", builder.name(), failover);
            failures.forEach((tier, failure) -> report(check.explain(tier, failure), failure));
            return new OpenTiers(
                    failover, Optional.of(failover), wanted.servers().get(0).name(), wanted.switchedOff());
        } catch (Throwable e) {
            Closing.after(e, failover::close);
            throw e;
        }
    }

    private static FailoverStore compose(
            CacheClientBuilder builder, Wanted wanted, Caches caches, FailoverListener listener) {
        FailoverBuilder failover = FailoverStore.builder()
                .name("holdfast-" + builder.name())
                .listener(listener)
                .config(builder.failover())
                .prefixes(caches::prefixes)
                .made(Envelope::made)
                .tombstones(Tombstones::tombstone, caches::tombstoneLife);
        InstantSource clock = builder.clock();
        if (clock != null) {
            failover.clock(clock);
        }
        try {
            wanted.servers().forEach(tier -> failover.tier(tier.name(), tier.store(), tier.rules()));
            if (wanted.memories() != null) {
                failover.memoryTier(MEMORY, wanted.memories());
            }
            return failover.build();
        } catch (IllegalArgumentException e) {
            String ofTiers = builder.hasTiers()
                    ? " and the time limits of the tiers' configurations)"
                    : ", REDIS_CONNECT_TIMEOUT and REDIS_COMMAND_TIMEOUT)";
            throw new CacheConfigException(
                    "the tiers and the time for a call don't fit together: " + e.getMessage() + " (check "
                            + builder.nameOfFailoverTimeout() + ofTiers,
                    e);
        }
    }

    private static void reportServiceLink(String variable) {
        if (variable.equals(SERVICE_LINK)) {
            LOG.warn(
                    "{} was set by Kubernetes for a Service of that name and is passed over; 6379 is the port. Set"
                            + " enableServiceLinks: false in the pod's spec to have {} to yourself",
                    variable,
                    variable);
        }
    }

    private static void report(String explained, CacheUnavailableException failure) {
        if (StartCheck.isRefusal(failure)) {
            LOG.error("A tier refuses this client and is out until that changes: {}", explained);
        } else {
            LOG.warn("A tier does not answer, and is used as soon as it does: {}", explained);
        }
    }
}
