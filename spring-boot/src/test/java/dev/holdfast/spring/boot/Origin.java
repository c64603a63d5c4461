package dev.holdfast.spring.boot;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.cache.annotation.CacheEvict;
import org.springframework.cache.annotation.CachePut;
import org.springframework.cache.annotation.Cacheable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A service whose methods are cached, and counted. */
public class Origin {
    final AtomicInteger calls = new AtomicInteger();
    volatile CountDownLatch gate = new CountDownLatch(0);
    volatile RuntimeException failure;

    private User user(long id) {
        calls.incrementAndGet();
        try {
            gate.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw failure;
        }
        return id < 0 ? null : new User(id, "user " + id);
    }

    @Cacheable("users")
    public User find(long id) {
        return user(id);
    }

    @Cacheable(cacheNames = "users", sync = true)
    public User findOnce(long id) {
        return user(id);
    }

    @Cacheable("users")
    public Optional<User> findOptional(long id) {
        return Optional.ofNullable(user(id));
    }

    @Cacheable("users")
    public CompletableFuture<User> findLater(long id) {
        return CompletableFuture.completedFuture(user(id));
    }

    @Cacheable(cacheNames = "users", sync = true)
    public CompletableFuture<User> findLaterOnce(long id) {
        return CompletableFuture.completedFuture(user(id));
    }

    @Cacheable("users")
    public Mono<User> findMono(long id) {
        return Mono.fromSupplier(() -> user(id));
    }

    @Cacheable("lists")
    public Flux<User> findFlux(long id) {
        return Flux.just(user(id), user(id + 1));
    }

    @Cacheable("pairs")
    public User findBoth(String name, long id) {
        return new User(user(id).id(), name);
    }

    @CachePut(cacheNames = "users", key = "#user.id")
    public User save(User user) {
        return user;
    }

    @CacheEvict(cacheNames = "users")
    public void delete(long id) {}

    @CacheEvict(cacheNames = "users", allEntries = true)
    public void deleteAll() {}

    @Cacheable("keys")
    public String byObject(Object key) {
        return "value of " + key.getClass().getSimpleName();
    }
}
