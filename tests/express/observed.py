"""express-session 1.19.0 as it was observed: the decision table of its behaviour (express-session 5.6).

``C`` Set-Cookie, ``Ce`` Set-Cookie with Expires, ``-`` none; after ``|`` the store's calls in their order:
G get, S set, T touch, D destroy. The columns are resave, save_uninitialized and rolling.
"""

NO_MAX_AGE = """\
rs/su/ro                                   TTF      TTT      TFF      TFT      FTF      FTT      FFF     FFT
new, unmodified                           C|S      C|S      -|       -|       C|S      C|S      -|      -|
new, modified                             C|S      C|S      C|S      C|S      C|S      C|S      C|S     C|S
new, save() unmodified                    C|S      C|S      -|S      -|S      C|S      C|S      -|S     -|S
new, modified+save()                      C|S      C|S      C|S      C|S      C|S      C|S      C|S     C|S
new, only cookie.maxAge set               Ce|S     Ce|S     -|       -|       Ce|S     Ce|S     -|      -|
existing, unmodified                      -|GS     C|GS     -|GS     C|GS     -|GT     C|GT     -|GT    C|GT
existing, modified                        -|GS     C|GS     -|GS     C|GS     -|GS     C|GS     -|GS    C|GS
existing, same-value assign               -|GS     C|GS     -|GS     C|GS     -|GT     C|GT     -|GT    C|GT
existing, nested mutation                 -|GS     C|GS     -|GS     C|GS     -|GS     C|GS     -|GS    C|GS
existing, save() unmodified               -|GST    C|GST    -|GST    C|GST    -|GST    C|GST    -|GST   C|GST
existing, modified+save()                 -|GST    C|GST    -|GST    C|GST    -|GST    C|GST    -|GST   C|GST
existing, only cookie.maxAge set          -|GS     Ce|GS    -|GS     Ce|GS    -|GT     Ce|GT    -|GT    Ce|GT
existing, touch() called                  -|GS     C|GS     -|GS     C|GS     -|GT     C|GT     -|GT    C|GT
existing, reload() then end               -|GGS    C|GGS    -|GGS    C|GGS    -|GGT    C|GGT    -|GGT   C|GGT
existing, regenerate()                    C|GDS    C|GDS    C|GDS    C|GDS    C|GDS    C|GDS    C|GDS   C|GDS
existing, regenerate()+modify             C|GDS    C|GDS    C|GDS    C|GDS    C|GDS    C|GDS    C|GDS   C|GDS
existing, destroy()                       -|GD     -|GD     -|GD     -|GD     -|GD     -|GD     -|GD    -|GD
existing, req.session=null keep           -|G      -|G      -|G      -|G      -|G      -|G      -|G     -|G
existing, req.session=null unset:destroy  -|GD     -|GD     -|GD     -|GD     -|GD     -|GD     -|GD    -|GD
new, req.session=null unset:destroy       -|D      -|D      -|D      -|D      -|D      -|D      -|D     -|D
stale sid (not in store), unmodified      C|GS     C|GS     -|G      -|G      C|GS     C|GS     -|G     -|G
stale sid (not in store), modified        C|GS     C|GS     C|GS     C|GS     C|GS     C|GS     C|GS    C|GS
headers flushed early, then modified      -|GS     C|GS     -|GS     C|GS     -|GS     C|GS     -|GS    C|GS
new: headers flushed early, then modified C|S      C|S      -|S      -|S      C|S      C|S      -|S     -|S
"""

MAX_AGE_60 = """\
maxAge 60000                               TTF      TTT      TFF      TFT      FTF      FTT      FFF     FFT
new, unmodified                           Ce|S     Ce|S     -|       -|       Ce|S     Ce|S     -|      -|
new, modified                             Ce|S     Ce|S     Ce|S     Ce|S     Ce|S     Ce|S     Ce|S    Ce|S
new, save() unmodified                    Ce|S     Ce|S     -|S      -|S      Ce|S     Ce|S     -|S     -|S
new, modified+save()                      Ce|S     Ce|S     Ce|S     Ce|S     Ce|S     Ce|S     Ce|S    Ce|S
new, only cookie.maxAge set               Ce|S     Ce|S     -|       -|       Ce|S     Ce|S     -|      -|
existing, unmodified                      -|GS     Ce|GS    -|GS     Ce|GS    -|GT     Ce|GT    -|GT    Ce|GT
existing, modified                        Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS   Ce|GS
existing, same-value assign               -|GS     Ce|GS    -|GS     Ce|GS    -|GT     Ce|GT    -|GT    Ce|GT
existing, nested mutation                 Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS   Ce|GS
existing, save() unmodified               -|GST    Ce|GST   -|GST    Ce|GST   -|GST    Ce|GST   -|GST   Ce|GST
existing, modified+save()                 Ce|GST   Ce|GST   Ce|GST   Ce|GST   Ce|GST   Ce|GST   Ce|GST  Ce|GST
existing, only cookie.maxAge set          -|GS     Ce|GS    -|GS     Ce|GS    -|GT     Ce|GT    -|GT    Ce|GT
existing, touch() called                  -|GS     Ce|GS    -|GS     Ce|GS    -|GT     Ce|GT    -|GT    Ce|GT
existing, reload() then end               -|GGS    Ce|GGS   -|GGS    Ce|GGS   -|GGT    Ce|GGT   -|GGT   Ce|GGT
existing, regenerate()                    Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS  Ce|GDS
existing, regenerate()+modify             Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS   Ce|GDS  Ce|GDS
existing, destroy()                       -|GD     -|GD     -|GD     -|GD     -|GD     -|GD     -|GD    -|GD
existing, req.session=null keep           -|G      -|G      -|G      -|G      -|G      -|G      -|G     -|G
existing, req.session=null unset:destroy  -|GD     -|GD     -|GD     -|GD     -|GD     -|GD     -|GD    -|GD
new, req.session=null unset:destroy       -|D      -|D      -|D      -|D      -|D      -|D      -|D     -|D
stale sid (not in store), unmodified      Ce|GS    Ce|GS    -|G      -|G      Ce|GS    Ce|GS    -|G     -|G
stale sid (not in store), modified        Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS    Ce|GS   Ce|GS
headers flushed early, then modified      -|GS     Ce|GS    -|GS     Ce|GS    -|GS     Ce|GS    -|GS    Ce|GS
new: headers flushed early, then modified Ce|S     Ce|S     -|S      -|S      Ce|S     Ce|S     -|S     -|S
"""
