package dev.holdfast.examples.spring;

import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.springframework.cache.annotation.CacheConfig;
import org.springframework.cache.annotation.CacheEvict;
import org.springframework.cache.annotation.Cacheable;
import org.springframework.stereotype.Service;

/** The products, from the cache where it has them. */
@Service
@CacheConfig(cacheNames = "products")
public class Products {
    private final SlowOrigin origin;

    Products(SlowOrigin origin) {
        this.origin = origin;
    }

    /**
     * Finds a product. However many ask for it at once, the origin is asked once.
     *
     * @param id its number
     * @return the product; {@code null} if there is none, which is remembered as well
     */
    @Cacheable(sync = true)
    public @Nullable Product find(long id) {
        return origin.find(id);
    }

    /**
     * Finds the first products, under a name and a type of their own.
     *
     * @param count how many
     * @return the products
     */
    @Cacheable("first-products")
    public List<Product> first(int count) {
        return LongStream.rangeClosed(1, count)
                .mapToObj(id -> new Product(id, "Product " + id, id * 100))
                .toList();
    }

    /**
     * Forgets a product that has changed.
     *
     * @param id its number
     */
    @CacheEvict
    public void changed(long id) {}
}
