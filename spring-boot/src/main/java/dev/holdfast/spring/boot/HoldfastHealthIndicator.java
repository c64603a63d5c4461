package dev.holdfast.spring.boot;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.CacheClient;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;

/**
 * What the client says of itself, for Actuator. DOWN only if nothing answers, or, where that was asked for, if only this process's memory
 * does: whatever answers serves the application. Does no I/O. For any number of threads.
 */
final class HoldfastHealthIndicator implements HealthIndicator {
    private final CacheClient client;
    private final boolean criticalIsDown;

    HoldfastHealthIndicator(CacheClient client, boolean criticalIsDown) {
        this.client = client;
        this.criticalIsDown = criticalIsDown;
    }

    @Override
    public Health health() {
        if (!client.isAlive()) {
            return Health.down().withDetail("status", "closed").build();
        }
        CacheHealth health = client.health();
        Health.Builder told = new Health.Builder(status(health))
                .withDetail("status", word(health.status()))
                .withDetail("type", health.type())
                .withDetail("distributed", health.distributed());
        Map<String, Object> tiers = new LinkedHashMap<>();
        health.tiers().forEach(tier -> tiers.put(tier.name(), details(tier)));
        told.withDetail("tiers", tiers);
        if (health.notes() != null) {
            told.withDetail("notes", health.notes());
        }
        return told.build();
    }

    private Status status(CacheHealth health) {
        boolean down = !health.ready() || (criticalIsDown && health.status() == CacheHealth.Status.CRITICAL);
        return down ? Status.DOWN : Status.UP;
    }

    private static Map<String, Object> details(TierHealth tier) {
        Map<String, Object> details = new LinkedHashMap<>();
        details.put("state", word(tier.state()));
        details.put("serving", tier.serving());
        details.put("since", tier.since().toString());
        if (tier.state() != TierHealth.State.CLOSED && tier.reason() != null) {
            details.put("reason", word(tier.reason()));
        }
        if (tier.dirtyKeys() > 0) {
            details.put("dirtyKeys", tier.dirtyKeys());
        }
        if (tier.notes() != null) {
            details.put("notes", tier.notes());
        }
        return details;
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
