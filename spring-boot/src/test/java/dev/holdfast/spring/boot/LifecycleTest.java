package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.lang.management.ManagementFactory;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Set;
import java.util.stream.Collectors;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.test.util.AopTestUtils;

/** Contexts that come and go in one JVM, as tests with {@code @DirtiesContext} and restarts of Devtools make them. */
class LifecycleTest {
    private static RedisServer redis;

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    private static ApplicationContextRunner application() {
        return Contexts.caching(Origin.class)
                .withPropertyValues("spring.data.redis.url=" + redis.url(), "holdfast.name=lifecycle");
    }

    private static Set<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.contains("lifecycle"))
                .collect(Collectors.toSet());
    }

    private static Set<ObjectName> beans() {
        try {
            return ManagementFactory.getPlatformMBeanServer().queryNames(new ObjectName("dev.holdfast.cache:*"), null);
        } catch (MalformedObjectNameException e) {
            throw new AssertionError(e);
        }
    }

    private static void nothingIsLeft() {
        Polls.until("no thread is left", () -> threads().isEmpty());
        Polls.until("no MBean is left", () -> beans().stream()
                .noneMatch(name -> name.toString().contains("lifecycle")));
    }

    @Test
    void aContextThatClosesLeavesNoThreadAndNoMBean() {
        for (int i = 0; i < 3; i++) {
            application().run(context -> {
                assertThat(context.getBean(Origin.class).find(1)).isEqualTo(new User(1, "user 1"));
                assertThat(threads()).isNotEmpty();
                Polls.until("the client is in JMX", () -> beans().stream()
                        .anyMatch(name -> name.toString().contains("lifecycle")));
            });
            nothingIsLeft();
        }
    }

    @Test
    void twoContextsInOneJvmKeepApart() {
        application().run(first -> {
            application().run(second -> {
                assertThat(first.getBean(CacheClient.class)).isNotSameAs(second.getBean(CacheClient.class));
                first.getBean(Origin.class).find(2);
                second.getBean(Origin.class).find(2);
                assertEquals(0, target(second.getBean(Origin.class)).calls.get(), "they share the server's entries");
            });
            assertThat(first.getBean(CacheClient.class).isReady()).isTrue();
            first.getBean(Origin.class).find(2);
        });
        nothingIsLeft();
    }

    private static Origin target(Origin origin) {
        return AopTestUtils.getTargetObject(origin);
    }

    @Test
    void aStartThatFailsLeavesNothing() {
        application().withPropertyValues("holdfast.caches.users.ttl-jitter=7").run(context -> assertThat(context)
                .hasFailed());
        nothingIsLeft();
    }

    /** As Devtools does: the application's classes in a loader of their own, anew for each restart. */
    @Test
    void aRestartWithNewClassesWorks() throws Exception {
        URL classes = LifecycleTest.class.getProtectionDomain().getCodeSource().getLocation();
        for (int i = 0; i < 2; i++) {
            try (URLClassLoader restarted = new ChildFirst(classes)) {
                Class<?> origin = restarted.loadClass(Origin.class.getName());
                assertThat(origin).isNotSameAs(Origin.class);
                Contexts.caching(origin)
                        .withClassLoader(restarted)
                        .withPropertyValues("spring.data.redis.url=" + redis.url(), "holdfast.name=lifecycle")
                        .run(context -> {
                            Object bean = context.getBean(origin);
                            for (int call = 0; call < 2; call++) {
                                Object user =
                                        origin.getMethod("find", long.class).invoke(bean, 9L);
                                assertThat(user.getClass().getClassLoader()).isSameAs(restarted);
                            }
                        });
            }
            nothingIsLeft();
        }
    }

    private static final class ChildFirst extends URLClassLoader {
        private final String packageName = LifecycleTest.class.getPackageName() + '.';

        ChildFirst(URL classes) {
            super(new URL[] {classes}, LifecycleTest.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            synchronized (getClassLoadingLock(name)) {
                boolean own = name.equals(packageName + "Origin") || name.equals(packageName + "User");
                if (!own) {
                    return super.loadClass(name, resolve);
                }
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? findClass(name) : loaded;
            }
        }
    }
}
