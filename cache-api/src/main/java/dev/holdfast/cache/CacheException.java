package dev.holdfast.cache;

import org.jspecify.annotations.Nullable;

/**
 * What can go wrong with a cache. Each kind says who should act: {@link CacheUnavailableException} another tier,
 * {@link CacheRejectedException}, {@link CacheCodecException} and {@link CacheConfigException} a programmer or operator,
 * {@link CacheLoadException} whoever owns the loader. Messages name addresses, variables and keys, never values or
 * secrets.
 */
public abstract sealed class CacheException extends RuntimeException
        permits CacheUnavailableException,
                CacheRejectedException,
                CacheCodecException,
                CacheInterruptedException,
                CacheLoadException,
                CacheConfigException {
    private static final long serialVersionUID = 1L;

    CacheException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
