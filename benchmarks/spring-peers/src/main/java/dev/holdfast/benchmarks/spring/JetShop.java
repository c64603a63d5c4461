package dev.holdfast.benchmarks.spring;

import com.alicp.jetcache.anno.CacheInvalidate;
import com.alicp.jetcache.anno.CachePenetrationProtect;
import com.alicp.jetcache.anno.CacheType;
import com.alicp.jetcache.anno.Cached;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The service with JetCache's annotations. */
class JetShop implements Shop {

    @Override
    @Cached(name = "products", key = "#id", cacheType = CacheType.REMOTE, expire = 300, cacheNullValue = true)
    @CachePenetrationProtect
    public @Nullable Product find(long id) {
        return Origin.product(id);
    }

    @Override
    @CacheInvalidate(name = "products", key = "#id")
    public void changed(long id) {}

    @Override
    public List<String> words(long id) {
        return Origin.words(id);
    }

    /** The same with two types of values in one cache. */
    static class TwoTypes extends JetShop {
        @Override
        @Cached(name = "products", key = "#id", cacheType = CacheType.REMOTE, expire = 300)
        public List<String> words(long id) {
            return Origin.words(id);
        }
    }
}
