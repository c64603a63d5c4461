package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.TierPolicy;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;

/**
 * What settings say that is the client's own: how long values live, how a call goes from tier to tier, and that no variable is
 * malformed, used or not.
 */
final class ClientSettings {
    private static final String AGREE_WITHIN = "CACHE_AGREE_WITHIN";
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(3);
    private static final Duration UPSTASH_INTERVAL = Duration.ofMinutes(5);
    private static final Duration UPSTASH_PROBE = Duration.ofSeconds(1);

    private final Settings settings;

    ClientSettings(Settings settings) {
        this.settings = settings;
        checkForms();
    }

    boolean strictStart() {
        return settings.flag("CACHE_STRICT_START", false);
    }

    Duration startTimeout() {
        return settings.millis("REDIS_CONNECT_TIMEOUT", CONNECT_TIMEOUT);
    }

    CachePolicy policy() {
        CachePolicy policy = CachePolicy.defaults();
        return policy.withTtl(settings.seconds("CACHE_TTL", policy.ttl())).withAgreeWithin(agreeWithin());
    }

    private Duration agreeWithin() {
        if (settings.text(AGREE_WITHIN).filter("0"::equals).isPresent()) {
            return Duration.ZERO;
        }
        Duration within = settings.seconds(AGREE_WITHIN, Duration.ZERO);
        try {
            CachePolicy unused = CachePolicy.defaults().withAgreeWithin(within);
            return within;
        } catch (IllegalArgumentException e) {
            throw settings.malformed(AGREE_WITHIN, "must be 0 for no bound, or from 5 s to a day");
        }
    }

    FailoverConfig failover() {
        FailoverConfig config = FailoverConfig.DEFAULT;
        Duration third =
                settings.millis("REDIS_COMMAND_TIMEOUT", COMMAND_TIMEOUT).dividedBy(3);
        return config.withFailoverTimeout(settings.millis("REDIS_FAILOVER_TIMEOUT", config.failoverTimeout()))
                .withMaxFailures(settings.integer("REDIS_MAX_FAILURES", config.maxFailures(), 1, 1_000))
                .withRetries(settings.integer("REDIS_MAX_RETRIES", config.retries(), 0, 100))
                .withRetryDelay(settings.millis("REDIS_RETRY_DELAY", config.retryDelay()))
                .withHealthCheckInterval(settings.millis("REDIS_HEALTH_CHECK_INTERVAL", config.healthCheckInterval()))
                .withSlowCallThreshold(third);
    }

    /**
     * Upstash bills each command and answers over the internet; an HTTP edge may hold a request back. The server at a socket of the file
     * system reads what was sent there even after a reset.
     */
    TierPolicy rulesOf(String tier) {
        TierPolicy policy = TierPolicy.DEFAULT.withMinProbeTimeout(probeTimeout(TierPolicy.DEFAULT.minProbeTimeout()));
        if (tier.equals(KnownTier.SINGLE.tier())) {
            return policy.withBuffered(settings.text("REDIS_URL")
                    .filter(url -> url.regionMatches(true, 0, "unix:", 0, 5))
                    .isPresent());
        }
        if (!tier.equals(KnownTier.UPSTASH.tier())) {
            return policy;
        }
        return policy.withHealthCheckInterval(settings.millis("REDIS_HEALTH_CHECK_INTERVAL", UPSTASH_INTERVAL))
                .withMinProbeTimeout(probeTimeout(UPSTASH_PROBE))
                .withBuffered(true);
    }

    private Duration probeTimeout(Duration preset) {
        return settings.millis("REDIS_PROBE_TIMEOUT", preset);
    }

    /**
     * A malformed variable is fatal even where nothing reads it now: it would be the surprise of the day someone sets the
     * variable beside it.
     */
    private void checkForms() {
        settings.flag("CACHE_ENABLED", true);
        settings.flag("REDIS_ENABLED", true);
        settings.flag("REDIS_CLUSTER_ENABLED", false);
        settings.flag("REDIS_CLUSTER_TLS", false);
        settings.flag("REDIS_TLS", false);
        settings.flag("REDIS_SENTINEL_TLS", false);
        settings.flag("REDIS_FALLBACK_TO_SINGLE", true);
        settings.flag("REDIS_MONITORING_ENABLED", false);
        settings.integer("REDIS_PORT", 6379, 1, 65_535);
        settings.integer("REDIS_DB", 0, 0, Integer.MAX_VALUE);
        settings.integer("REDIS_CONNECTION_POOL_SIZE", 5, 1, 1_000);
        settings.number("CACHE_MEMORY_MAX_BYTES", 64L << 20, 1L << 20, Long.MAX_VALUE);
        settings.number("CACHE_MAX_VALUE_BYTES", 512L << 20, 1L << 10, (2L << 30) - (1L << 10));
        settings.integer("UPSTASH_MAX_COMMAND_BYTES", 10_485_760, 1_024, 1 << 30);
        webhook();
        strictStart();
        startTimeout();
        policy();
        failover();
        probeTimeout(UPSTASH_PROBE);
    }

    /** Whoever has such an address may write to where it leads: it is not shown. */
    private void webhook() {
        settings.text("REDIS_ALERT_WEBHOOK_URL").ifPresent(text -> {
            boolean url;
            try {
                URI uri = new URI(text);
                url = uri.getHost() != null && ("https".equals(uri.getScheme()) || "http".equals(uri.getScheme()));
            } catch (URISyntaxException e) {
                url = false;
            }
            if (!url) {
                throw new CacheConfigException(
                        "REDIS_ALERT_WEBHOOK_URL is \"***\", but must be an https:// or http:// address");
            }
        });
    }
}
