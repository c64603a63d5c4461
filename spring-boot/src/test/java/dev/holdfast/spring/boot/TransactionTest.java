package dev.holdfast.spring.boot;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.springframework.cache.Cache;
import org.springframework.cache.CacheManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.support.AbstractPlatformTransactionManager;
import org.springframework.transaction.support.DefaultTransactionStatus;
import org.springframework.transaction.support.TransactionTemplate;

/** Changes of caches within transactions, of a manager that has nothing to commit but does all else. */
class TransactionTest {
    private static final class Transactions extends AbstractPlatformTransactionManager {
        private static final long serialVersionUID = 1L;

        @Override
        protected Object doGetTransaction() {
            return new Object();
        }

        @Override
        protected void doBegin(Object transaction, TransactionDefinition definition) {}

        @Override
        protected void doCommit(DefaultTransactionStatus status) {}

        @Override
        protected void doRollback(DefaultTransactionStatus status) {}
    }

    private final TransactionTemplate transaction = new TransactionTemplate(new Transactions());

    private void inCache(boolean aware, java.util.function.Consumer<Cache> test) {
        Contexts.caching()
                .withPropertyValues(
                        "holdfast.transaction-aware=" + aware, "holdfast.caches.texts.type=java.lang.String")
                .run(context -> test.accept(context.getBean(CacheManager.class).getCache("texts")));
    }

    @Test
    void whatIsChangedWithinATransactionIsDoneAfterItsCommit() {
        inCache(true, cache -> {
            transaction.executeWithoutResult(status -> {
                cache.put("a", "1");
                assertThat(cache.get("a")).isNull();
            });
            assertThat(cache.get("a", String.class)).isEqualTo("1");
            transaction.executeWithoutResult(status -> {
                cache.evict("a");
                cache.put("b", "2");
                status.setRollbackOnly();
            });
            assertThat(cache.get("a", String.class)).isEqualTo("1");
            assertThat(cache.get("b")).isNull();
        });
    }

    @Test
    void unlessItIsAskedForItIsDoneAtOnce() {
        inCache(
                false,
                cache -> transaction.executeWithoutResult(status -> {
                    cache.put("a", "1");
                    assertThat(cache.get("a", String.class)).isEqualTo("1");
                }));
    }
}
