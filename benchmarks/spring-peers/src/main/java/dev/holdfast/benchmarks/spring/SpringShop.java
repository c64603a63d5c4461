package dev.holdfast.benchmarks.spring;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.cache.annotation.CacheEvict;
import org.springframework.cache.annotation.Cacheable;

/** The service with Spring's annotations. */
class SpringShop implements Shop {

    @Override
    @Cacheable(cacheNames = "products", sync = true)
    public @Nullable Product find(long id) {
        return Origin.product(id);
    }

    @Override
    @CacheEvict("products")
    public void changed(long id) {}

    @Override
    public List<String> words(long id) {
        return Origin.words(id);
    }

    /** The same with two types of values in one cache. */
    static class TwoTypes extends SpringShop {
        @Override
        @Cacheable("products")
        public List<String> words(long id) {
            return Origin.words(id);
        }
    }
}
