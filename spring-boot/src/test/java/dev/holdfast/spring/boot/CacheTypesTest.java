package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.client.CacheClient;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.cache.CacheManager;
import org.springframework.cache.annotation.CacheConfig;
import org.springframework.cache.annotation.CacheEvict;
import org.springframework.cache.annotation.Cacheable;
import org.springframework.cache.interceptor.SimpleKey;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;

/** Where the types of values come from, what wins, and what is said when they don't fit. */
class CacheTypesTest {

    static class Users {
        @Cacheable("things")
        public User user(long id) {
            return new User(id, "Ada");
        }
    }

    static class Texts {
        @Cacheable("things")
        public List<String> texts(long id) {
            return List.of("" + id);
        }
    }

    static class Objects {
        @Cacheable("objects")
        public Object object(long id) {
            return new User(id, "Ada");
        }
    }

    static class Raw {
        @Cacheable("raw")
        @SuppressWarnings("rawtypes")
        public List list() {
            return List.of();
        }
    }

    static class Evicting {
        @CacheEvict("others")
        public void evict(long id) {}
    }

    static class Misnamed {
        @Cacheable("my users")
        public User user(long id) {
            return new User(id, "Ada");
        }
    }

    interface Repository<T> {
        @Cacheable("generic")
        T load(long id);
    }

    static class UserRepository implements Repository<User> {
        @Override
        public User load(long id) {
            return new User(id, "generic");
        }
    }

    @CacheConfig(cacheNames = "configured")
    @Lazy
    static class LazyUsers {
        @Cacheable
        public List<User> users() {
            return List.of(new User(1, "lazy"));
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnCache {
        @Bean
        Cache<Long, User> users(CacheClient client) {
            return client.cache("things", Long.class, User.class)
                    .policy(CachePolicy.of(Duration.ofSeconds(7)))
                    .build();
        }
    }

    private static FailureAnalysis analysis(Throwable failure) {
        FailureAnalysis analysis = new HoldfastFailureAnalyzer().analyze(failure);
        assertThat(analysis).isNotNull();
        return analysis;
    }

    private static org.springframework.cache.Cache cache(CacheManager manager, String name) {
        org.springframework.cache.Cache cache = manager.getCache(name);
        assertThat(cache).isNotNull();
        return cache;
    }

    @Test
    void twoTypesForOneCacheEndTheStartAndNameBothMethods() {
        Contexts.caching(Users.class, Texts.class).run(context -> {
            assertThat(context).hasFailed();
            FailureAnalysis analysis = analysis(context.getStartupFailure());
            assertThat(analysis.getDescription())
                    .contains("Users.user", "Texts.texts", User.class.getName(), "java.util.List<java.lang.String>");
            assertThat(analysis.getAction()).contains("holdfast.caches.things.type");
        });
    }

    @Test
    void aPropertyOverridesBoth() {
        Contexts.caching(Users.class, Texts.class)
                .withPropertyValues("holdfast.caches.things.type=java.util.Map<java.lang.String,java.lang.Object>")
                .run(context -> {
                    org.springframework.cache.Cache things = cache(context.getBean(CacheManager.class), "things");
                    things.put(1, Map.of("a", "b"));
                    assertThat(things.get(1).get()).isEqualTo(Map.of("a", "b"));
                });
    }

    @Test
    void aCacheThatIsABeanOverridesBoth() {
        Contexts.caching(Users.class, OwnCache.class, Evicting.class).run(context -> {
            org.springframework.cache.Cache things = cache(context.getBean(CacheManager.class), "things");
            assertThat(things.getNativeCache()).isSameAs(context.getBean("users"));
            assertThat(context.getBean(Users.class).user(3)).isEqualTo(new User(3, "Ada"));
            assertThat(context.getBean(OwnCache.class)).isNotNull();
            @SuppressWarnings("unchecked")
            Cache<Long, User> own = context.getBean("users", Cache.class);
            assertThat(own.get(3L)).isEqualTo(new User(3, "Ada"));
            assertThatThrownBy(() -> things.get(new SimpleKey("a", 1)))
                    .hasMessageContaining("java.lang.Long")
                    .hasMessageContaining("Users.user");
        });
    }

    @Test
    void aMethodThatReturnsAnythingEndsTheStart() {
        Contexts.caching(Objects.class).run(context -> {
            FailureAnalysis analysis = analysis(context.getStartupFailure());
            assertThat(analysis.getDescription()).contains("Objects.object", "java.lang.Object");
            assertThat(analysis.getAction()).contains("holdfast.caches.objects.type");
        });
        Contexts.caching(Raw.class)
                .run(context -> assertThat(analysis(context.getStartupFailure()).getDescription())
                        .contains("Raw.list", "java.util.List"));
    }

    @Test
    void theTypeMayBeThatOfAnInterfacesParameter() {
        Contexts.caching(UserRepository.class).run(context -> {
            Repository<?> users = context.getBean(Repository.class);
            users.load(4);
            assertThat(cache(context.getBean(CacheManager.class), "generic").get(4, User.class))
                    .isEqualTo(new User(4, "generic"));
        });
    }

    @Test
    void aBeanThatIsNotMadeYetCountsToo() {
        Contexts.caching(LazyUsers.class).run(context -> {
            assertThat(context.getBean(CacheManager.class).getCacheNames()).contains("configured");
            assertThat(context.getBean(LazyUsers.class).users())
                    .isEqualTo(context.getBean(LazyUsers.class).users());
        });
    }

    @Test
    void aCacheFromWhichMethodsOnlyRemoveNeedsNoType() {
        Contexts.caching(Evicting.class).run(context -> {
            assertThat(context).hasNotFailed();
            context.getBean(Evicting.class).evict(1);
        });
    }

    @Test
    void aCacheThatNobodyNamesIsNoneUnlessAPropertyGivesItsType() {
        Contexts.caching()
                .withPropertyValues("holdfast.caches.dynamic.type=java.lang.Long")
                .run(context -> {
                    CacheManager manager = context.getBean(CacheManager.class);
                    assertThat(manager.getCache("unknown")).isNull();
                    cache(manager, "dynamic").put("a", 5L);
                    assertThat(cache(manager, "dynamic").get("a", Long.class)).isEqualTo(5L);
                    assertThat(manager.getCacheNames()).containsExactly("dynamic");
                });
    }

    @Test
    void aTypeThatIsNotThereIsNamed() {
        Contexts.caching()
                .withPropertyValues("holdfast.caches.x.type=com.example.Missing")
                .run(context -> assertThat(analysis(context.getStartupFailure()).getDescription())
                        .contains("holdfast.caches.x.type", "com.example.Missing"));
    }

    @Test
    void aNameThatNoCacheCanHaveIsNamedWithItsMethod() {
        Contexts.caching(Misnamed.class).run(context -> {
            FailureAnalysis analysis = analysis(context.getStartupFailure());
            assertThat(analysis.getDescription()).contains("my users", "64 characters");
            assertThat(analysis.getAction()).contains("Misnamed.user");
        });
    }

    @Test
    void eachCacheHasItsOwnPolicy() {
        Contexts.caching(Users.class)
                .withPropertyValues(
                        "holdfast.ttl=10m",
                        "holdfast.caches.things.ttl=5s",
                        "holdfast.caches.things.stale-if-error=1h",
                        "holdfast.caches.things.refresh-ahead=0.5",
                        "holdfast.caches.things.load-timeout=2s",
                        "holdfast.caches.things.load-soft-timeout=100ms",
                        "holdfast.caches.things.retry-load-after=3s",
                        "holdfast.caches.things.ttl-jitter=0.1",
                        "holdfast.caches.things.max-loads=9",
                        "holdfast.caches.things.load-lock=1s",
                        "holdfast.caches.other.type=java.lang.String")
                .run(context -> {
                    CachePolicy policy = policy(context.getBean(CacheManager.class), "things");
                    assertThat(policy)
                            .isEqualTo(CachePolicy.of(Duration.ofSeconds(5))
                                    .withStaleIfError(Duration.ofHours(1))
                                    .withRememberAbsence(Duration.ofSeconds(5))
                                    .withRefreshAhead(0.5)
                                    .withLoadTimeout(Duration.ofSeconds(2))
                                    .withLoadSoftTimeout(Duration.ofMillis(100))
                                    .withRetryLoadAfter(Duration.ofSeconds(3))
                                    .withTtlJitter(0.1)
                                    .withLoadLock(Duration.ofSeconds(1))
                                    .withMaxLoads(9));
                    assertThat(policy(context.getBean(CacheManager.class), "other")
                                    .ttl())
                            .isEqualTo(Duration.ofMinutes(10));
                });
    }

    private static CachePolicy policy(CacheManager manager, String name) {
        return ((Cache<?, ?>) cache(manager, name).getNativeCache()).policy();
    }

    @Test
    void nullIsNotRememberedWhereAPropertySaysSo() {
        Contexts.caching(Users.class)
                .withPropertyValues("holdfast.caches.things.null-ttl=0")
                .run(context -> {
                    org.springframework.cache.Cache things = cache(context.getBean(CacheManager.class), "things");
                    things.put(1, new User(1, "Ada"));
                    things.put(1, null);
                    assertThat(things.get(1)).isNull();
                });
    }

    @Test
    void aPolicyOutOfItsBoundsNamesTheProperty() {
        Contexts.caching(Users.class)
                .withPropertyValues("holdfast.caches.things.ttl-jitter=2")
                .run(context -> assertThat(analysis(context.getStartupFailure()).getDescription())
                        .contains("holdfast.caches.things.ttl-jitter", "less than 1"));
        Contexts.caching(Users.class)
                .withPropertyValues("holdfast.caches.things.load-soft-timeout=1s")
                .run(context -> assertThat(analysis(context.getStartupFailure()).getDescription())
                        .contains("holdfast.caches.things", "staleIfError"));
    }

    @Test
    void aNearCacheOutOfItsBoundsOrWithoutASizeNamesTheProperty() {
        refusesNear("holdfast.caches.things.near.max-size", "at least 1048576", "max-size=1KB");
        refusesNear("holdfast.caches.things.near.untracked-ttl", "to an hour", "max-size=2MB", "untracked-ttl=2h");
        refusesNear("holdfast.caches.things.near.copies", "max-size is not", "copies=true");
    }

    private static void refusesNear(String property, String why, String... near) {
        String[] properties = Arrays.stream(near)
                .map(each -> "holdfast.caches.things.near." + each)
                .toArray(String[]::new);
        Contexts.caching(Users.class).withPropertyValues(properties).run(context -> assertThat(
                        analysis(context.getStartupFailure()).getDescription())
                .contains(property, why));
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void optionsOfACacheThatNobodyNamesAreToldOf(CapturedOutput output) {
        Contexts.caching(Users.class)
                .withPropertyValues("holdfast.caches.thinks.ttl=5s", "holdfast.caches.things.ttl=5s")
                .run(context -> assertThat(context).hasNotFailed());
        assertThat(output).contains("holdfast.caches.thinks.* is set in vain").contains("[things]");
        assertThat(output).doesNotContain("holdfast.caches.things.* is set in vain");
    }
}
