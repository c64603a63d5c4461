package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.springframework.cache.annotation.CacheEvict;
import org.springframework.cache.annotation.CachePut;
import org.springframework.cache.annotation.Cacheable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** On which threads reactive methods have the cache written to, as {@code docs/spring.md} says it. */
class ReactiveThreadsTest {
    private static final String LOOP = "event-loop";

    /** Its values come on a thread that must not wait. */
    static class Users implements AutoCloseable {
        private final Scheduler loop = Schedulers.newSingle(LOOP);

        private Mono<User> user(long id) {
            return Mono.fromSupplier(() -> new User(id, "Ada")).publishOn(loop);
        }

        @Cacheable("users")
        public Mono<User> find(long id) {
            return user(id);
        }

        @Cacheable("users")
        public Mono<User> findElsewhere(long id) {
            return user(id).publishOn(Schedulers.boundedElastic());
        }

        @Cacheable(cacheNames = "users", sync = true)
        public Mono<User> findOnce(long id) {
            return user(id);
        }

        @CachePut("users")
        public Mono<User> save(long id) {
            return user(id);
        }

        @CacheEvict("users")
        public Mono<User> delete(long id) {
            return user(id);
        }

        @Override
        public void close() {
            loop.dispose();
        }
    }

    @Test
    void onlySyncAndPublishOnKeepWritesFromTheEventLoop() {
        Map<String, String> threads = new ConcurrentHashMap<>();
        try (RedisServer redis = RedisServer.start()) {
            Contexts.caching(Users.class)
                    .withPropertyValues("spring.data.redis.url=" + redis.url())
                    .run(context -> {
                        Users users = context.getBean(Users.class);
                        context.getBean(CacheClient.class).observeCommands((name, place) -> {
                            threads.put(name, Thread.currentThread().getName());
                            return CallObserver.UNOBSERVED;
                        });
                        users.find(1).block();
                        assertThat(threads.remove("SET")).as("@Cacheable").startsWith(LOOP);
                        users.findElsewhere(2).block();
                        assertThat(threads.remove("SET")).as("publishOn").startsWith("boundedElastic");
                        users.findOnce(3).block();
                        // The load's thread may write after its caller was told.
                        Polls.until("the value is written", () -> threads.containsKey("SET"));
                        assertThat(threads.remove("SET")).as("sync").doesNotStartWith(LOOP);
                        users.save(4).block();
                        assertThat(threads.remove("SET")).as("@CachePut").startsWith(LOOP);
                        threads.clear();
                        users.delete(1).block();
                        // A script, first by its name and then, since the server does not know it yet, in full.
                        assertThat(threads.values())
                                .as("@CacheEvict")
                                .isNotEmpty()
                                .allMatch(name -> name.startsWith(LOOP));
                    });
        }
    }
}
