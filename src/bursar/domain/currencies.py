"""Which currencies are there, and how many decimals has each?

Source: ISO 4217 list one (current) and list three (historic, withdrawn since 2000), as published by the maintenance
agency; checked 2026-11-21. Beside them stands the one code outside the standard in which institutions keep accounts.
"""

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
    "CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK "
    "MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
    "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
    "USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_WITHDRAWN_TWO = (
    "ANG BGN HRK CUC SLL ZWL VEF VEB MRO STD LTL LVL EEK SKK MTL CYP SIT ZMK TMM SDD MZM GHC AZM AFA CSD "
    "YUM ZWD ZWN ZWR SRG BGL ATS DEM FIM FRF IEP NLG"
)
_WITHDRAWN_OR_WITHOUT_MINOR_UNIT = (
    "BYR BYB TRL ROL MGF BEF ESP GRD ITL LUF PTE XXX XTS XBA XBB XBC XBD XDR XAU XAG XPD XPT XSU XUA"
)
_OUTSIDE_THE_STANDARD = {"BTC": 8}

MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys((_TWO + " " + _WITHDRAWN_TWO).split(), 2),
    **dict.fromkeys((_NONE + " " + _WITHDRAWN_OR_WITHOUT_MINOR_UNIT).split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
    **_OUTSIDE_THE_STANDARD,
}
"""Upper-case code -> number of decimals (units such as gold or the SDR that define none have 0)."""
