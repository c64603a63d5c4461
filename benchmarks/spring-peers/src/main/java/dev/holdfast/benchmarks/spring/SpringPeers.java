package dev.holdfast.benchmarks.spring;

import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import java.util.Locale;
import org.springframework.cache.Cache;
import org.springframework.cache.CacheManager;
import org.springframework.context.ConfigurableApplicationContext;

/** Prints what the same service does over each cache: {@code mvn -q -Pspring-peers verify}. */
final class SpringPeers {
    private SpringPeers() {}

    public static void main(String[] args) throws InterruptedException {
        for (Peer peer : Peer.values()) {
            if (args.length > 0 && !List.of(args).contains(peer.name())) {
                continue;
            }
            try (RedisServer redis = RedisServer.start()) {
                print(peer, "null", run(peer, redis, SpringPeers::nulls));
                print(
                        peer,
                        "killed",
                        run(peer, redis, context -> PeerOutage.killed(context.getBean(Shop.class), redis)));
                print(
                        peer,
                        "frozen",
                        run(peer, redis, context -> PeerOutage.frozen(context.getBean(Shop.class), redis)));
                print(peer, "two types", twoTypes(peer, redis));
                print(peer, "late cache in Prometheus", run(peer, redis, context -> late(peer, context)));
            }
        }
        System.exit(0); // some of them leave threads behind that are no daemons
    }

    private static void print(Peer peer, String what, String seen) {
        System.out.printf(Locale.ROOT, "%-18s %-26s %s%n", peer.shown(), what, seen);
    }

    private interface Scenario {
        String run(ConfigurableApplicationContext context) throws InterruptedException;
    }

    private static String run(Peer peer, RedisServer redis, Scenario scenario) throws InterruptedException {
        var unused = redis.command("FLUSHALL");
        try (ConfigurableApplicationContext context = peer.start(redis.url())) {
            return scenario.run(context);
        } catch (RuntimeException e) {
            return told(e);
        }
    }

    private static String nulls(ConfigurableApplicationContext context) {
        Shop shop = context.getBean(Shop.class);
        long before = Shop.Origin.CALLS.get();
        for (int i = 0; i < 3; i++) {
            shop.find(-1);
        }
        return "3 calls ask the origin " + (Shop.Origin.CALLS.get() - before) + " times";
    }

    private static String twoTypes(Peer peer, RedisServer redis) {
        var unused = redis.command("FLUSHALL");
        try (ConfigurableApplicationContext context = peer.startWithTwoTypes(redis.url())) {
            Shop shop = context.getBean(Shop.class);
            shop.find(1);
            try {
                return "starts; the second method gets " + shop.words(1).get(0);
            } catch (RuntimeException e) {
                return "starts; the second method throws " + told(e);
            }
        } catch (RuntimeException e) {
            return "does not start: " + told(e);
        }
    }

    private static String late(Peer peer, ConfigurableApplicationContext context) {
        if (!peer.isSprings()) {
            return "has no cache of Spring's; its own statistics go to the log";
        }
        Cache late = context.getBean(CacheManager.class).getCache("late");
        String made = late == null ? ", made of the client: the manager wants holdfast.caches.late.type" : "";
        if (late == null) {
            context.getBean(CacheClient.class)
                    .cache("late", String.class, String.class).build()
                    .get("missing");
        } else {
            late.get("missing");
        }
        String scraped = context.getBean(PrometheusMeterRegistry.class).scrape();
        return scraped.lines().anyMatch(line -> line.startsWith("cache_gets_total") && line.contains("late"))
                ? "has cache_gets_total at the first scrape" + made
                : "has no meters";
    }

    private static String told(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String message = String.valueOf(cause.getMessage()).replaceAll("\\s+", " ");
        return cause.getClass().getSimpleName() + ": " + message.substring(0, Math.min(200, message.length()));
    }
}
