package dev.holdfast.cache.validation;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.CacheClient;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** What the client itself makes of a tier: whether it goes away from the tier and back. */
final class ClientChecks implements AutoCloseable {
    private static final Duration LIFE = Duration.ofMinutes(10);
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    /** A client says how it is as soon as it is there; a refusal is known by then. */
    private static final Duration SAID = Duration.ofSeconds(2);

    private final String tier;
    private final Runnable shorten;
    private final Duration agreeWithin;
    private final CacheClient client;
    private final Cache<String, byte[]> cache;

    /** Opens a client over the tier and memory; {@code shorten} lets the keys of this run expire soon, which may take long and is in no time that is told. */
    ClientChecks(String tier, Environment environment, Runnable shorten) {
        this.tier = tier;
        this.shorten = shorten;
        this.client = CacheClient.builder()
                .name("validation")
                .settings(environment.over(List.of(tier)))
                .build();
        // Clients hear of each other over the first server alone.
        boolean first = tier.equals(environment.tiers().get(0));
        this.agreeWithin = first ? client.policy().agreeWithin() : Duration.ZERO;
        this.cache = client.cache("validate", String.class, byte[].class)
                .policy(CachePolicy.of(LIFE).withAgreeWithin(agreeWithin))
                .build();
    }

    /** Takes the tier out and back, and removes a key meanwhile. */
    Result failover(String check) {
        if (!await("kept", tier)) {
            return Result.failed(check, "the client does not use the tier: " + why(), "see the checks above");
        }
        // The tier has answered, so what its store keeps there is there.
        shorten.run();
        cache.put("kept", new byte[] {1});
        cache.put("removed", new byte[] {1});
        long start = System.nanoTime();
        client.forceFailover(tier);
        if (!await("kept", Environment.MEMORY)) {
            return Result.failed(check, "memory does not take over: " + why(), "leave memory last in CACHE_TIERS");
        }
        double outMillis = (System.nanoTime() - start) / 1e6;
        cache.remove("removed");
        start = System.nanoTime();
        client.forceFailback();
        boolean back = await("kept", tier);
        double backMillis = (System.nanoTime() - start) / 1e6;
        shorten.run();
        if (!back) {
            return Result.failed(
                    check,
                    "the tier does not come back: " + why(),
                    "see the checks above: SCAN, UNLINK and EVALSHA are needed");
        }
        Lookup<byte[]> removed = cache.lookup("removed");
        if (removed.value() != null) {
            return Result.failed(
                    check, "a key that was removed meanwhile came back", "report this as a fault of Holdfast");
        }
        return Result.ok(
                check,
                String.format(
                        Locale.ROOT,
                        "forced out in %.0f ms, back in %.0f ms, a removed key stayed removed",
                        outMillis,
                        backMillis));
    }

    /** Whether clients hear of each other over the tier, as a bound within which they agree needs it; {@code null} if that is not needed. */
    @Nullable
    Result agreement(String check) {
        if (agreeWithin.isZero()) {
            return null;
        }
        long end = System.nanoTime() + SAID.toNanos();
        while (System.nanoTime() - end < 0) {
            for (TierHealth each : client.health().tiers()) {
                String notes = each.notes();
                // Others are not about what clients hear of each other.
                if (notes != null && notes.contains("agreeWithin")) {
                    return Result.warning(
                            check,
                            notes.replaceAll("\\s+", " "),
                            "give the user these rights, or leave out CACHE_AGREE_WITHIN: without them it is a limit of age alone");
                }
            }
            LockSupport.parkNanos(5_000_000);
        }
        return Result.ok(check, "clients hear of each other, for CACHE_AGREE_WITHIN=" + agreeWithin.toSeconds());
    }

    private boolean await(String key, String wanted) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() - end < 0) {
            if (cache.lookup(key).tier().equals(wanted)) {
                return true;
            }
            LockSupport.parkNanos(5_000_000);
        }
        return false;
    }

    private String why() {
        return client.health().tiers().stream()
                .filter(each -> each.name().equals(tier) && each.lastFailure() != null)
                .map(each -> String.valueOf(each.lastFailure()))
                .findFirst()
                .orElse("no reason is known");
    }

    @Override
    public void close() {
        client.close();
    }
}
