package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Counter;
import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ReadFrom;
import dev.holdfast.cache.jackson.JacksonCodec;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.upstash.UpstashConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** The snippets of {@code docs/code.md}, run. */
class CodeDocTest {
    private static RedisServer redis;
    private static CacheClient client;
    private final Database database = new Database();

    /** A value. */
    record User(long id, String name) {}

    /** A key. */
    record PriceKey(String shop, int number) {}

    /** Another value. */
    record Price(int cents) {}

    /** A source. */
    private static final class Database {
        User findUser(long id) {
            return new User(id, "user " + id);
        }
    }

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
        client = CacheClient.builder().tier(SingleConfig.of(redis.url())).build();
    }

    @AfterAll
    static void stop() {
        client.close();
        redis.close();
    }

    @Test
    void aServersConfiguration() {
        CredentialsProvider rotating = () -> Credentials.of("app", Secret.of("s"));
        String password = "p";
        String token = "t";
        Path authorities = Certificates.create().authority();
        // doc
        SingleConfig single = SingleConfig.of("rediss://cache.internal:6379/2") // TLS, database 2
                .withCredentials(rotating) // or withUsername and withPassword(Secret.of(…)), or in the URL
                .withTls(TlsConfig.system().withAuthorities(authorities)) // a PEM file
                .withConnectTimeout(Duration.ofSeconds(1))
                .withCommandTimeout(Duration.ofMillis(300))
                .withPoolSize(10);
        ClusterConfig cluster = ClusterConfig.of("a:6379", "b:6379")
                .withUsername("app")
                .withPassword(Secret.of(password))
                .withTls()
                .withReadFrom(ReadFrom.REPLICA_PREFERRED);
        UpstashConfig upstash = UpstashConfig.of("https://name.upstash.io", Secret.of(token));
        // end
        assertEquals(Duration.ofMillis(300), single.commandTimeout());
        assertEquals(ReadFrom.REPLICA_PREFERRED, cluster.readFrom());
        assertEquals("upstash", upstash.tier());
    }

    @Test
    void aClientWithItsTiers() {
        String url = redis.url();
        List<String> nodes = List.of("127.0.0.1:" + redis.port());
        // doc
        CacheClient client = CacheClient.builder()
                .name("shop") // in the log, in threads' names and in JMX
                .keyPrefix("shop")
                .tier(ClusterConfig.of(nodes))
                .tier(SingleConfig.of(url))
                .memory(32 << 20) // the last tier, always there: this only changes its size
                .build();
        // end
        try (client) {
            assertEquals(3, client.health().tiers().size());
            assertTrue(client.awaitServing("single", Duration.ofSeconds(20)), "a single server is no cluster");
        }
    }

    @Test
    void aCacheWithItsLoader() {
        // doc
        LoadingCache<Long, User> users = client.cache("users", Long.class, User.class)
                .ttl(Duration.ofMinutes(5))
                .staleIfError(Duration.ofHours(1)) // the last value, when the source fails
                .agreeWithin(Duration.ofSeconds(10)) // what another instance changed is seen by then, whatever dies
                .rememberAbsence(Duration.ofSeconds(30))
                .refreshAhead(0.8)
                .build(id -> database.findUser(id));
        User user = users.get(42L);
        Map<Long, User> some = users.getAll(List.of(1L, 2L, 3L));
        // end
        assertEquals(new User(42, "user 42"), user);
        assertEquals(3, some.size());
    }

    @Test
    void keysAndCodecsOfOnesOwn() {
        JsonMapper applicationsMapper = JsonMapper.builder().build();
        PriceKey key = new PriceKey("a", 1);
        Price price = new Price(99);
        // doc
        Cache<PriceKey, Price> prices = client.cache("prices", PriceKey.class, Price.class)
                .keys(each -> each.shop() + '/' + each.number()) // a record needs none: this is a text of one's own
                .codec(JacksonCodec.of(Price.class, applicationsMapper))
                .build();
        prices.put(
                key, price, Duration.ofSeconds(10)); // this entry's time to live, the rest as the cache's policy says
        // end
        assertEquals(price, prices.get(key));
        assertTrue(prices.ttl(key).orElseThrow().compareTo(Duration.ofSeconds(10)) <= 0);
    }

    @Test
    void whatIsDoneOnce() {
        String eventId = "event-1";
        String me = "this process";
        // doc
        Cache<String, String> handled = client.cache("handled", String.class, String.class)
                .ttl(Duration.ofDays(1))
                .serversOnly()
                .build();
        boolean mine;
        try {
            mine = handled.putIfAbsent(eventId, me);
        } catch (CacheUnavailableException e) {
            if (!e.outcomeUnknown()) {
                throw e; // nothing was stored: the event comes again
            }
            mine = handled.putIfAbsent(eventId, me) || me.equals(handled.get(eventId));
        }
        // end
        assertTrue(mine);
        assertFalse(handled.putIfAbsent(eventId, "another"));
    }

    @Test
    void aRateLimit() {
        String user = "u";
        // doc
        Counter logins = client.counter("logins:" + user)
                .ttl(Duration.ofMinutes(1))
                .serversOnly()
                .build();
        boolean tooMany = logins.increment() > 10;
        // end
        assertFalse(tooMany);
        assertEquals(1, logins.get());
    }

    @Test
    void anEvent() throws InterruptedException {
        // doc
        Runnable end = client.on(TierLost.class, event -> alarm(event.tier() + " is lost: " + event.reason()));
        // end
        client.forceFailover("single");
        assertEquals("single is lost: FORCED", alarms.poll(20, TimeUnit.SECONDS));
        client.forceFailback();
        assertTrue(client.awaitServing("single", Duration.ofSeconds(20)));
        end.run();
    }

    private final BlockingQueue<String> alarms = new LinkedBlockingQueue<>();

    private void alarm(String text) {
        alarms.add(text);
    }

    @Test
    void theDocumentHoldsTheseSnippets() throws IOException {
        Snippets.assertAreIn("code.md", CodeDocTest.class);
    }
}
